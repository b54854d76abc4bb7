package microcase

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The JSON forms, as the files' schema describes them.

type rawCase struct {
	ID, Title, Because, Check, At, Direction, Expect, Confidence string

	// of a case about an explanation code
	Code, Leg, Stage, Component string
	Passed                      bool

	Terms       []string
	From, To    string
	Packet      rawPacket
	SGs         map[string]rawGroup
	NACLs       map[string]rawACL
	Subnets     map[string]rawSubnet
	ENIs        map[string]rawInterface
	VPCs        map[string]rawVPC
	Links       []rawLink
	PrefixLists map[string]rawList `json:"prefix_lists"`
	NATs        map[string]rawNAT
	Endpoints   map[string]json.RawMessage
	LBs         map[string]rawBalancer
	Gateways    map[string]rawGateway
	Indirect    []string
}

type rawPacket struct {
	Src, Dst     string
	Proto        uint8
	Sport, Dport uint16
	ICMPType     uint8 `json:"icmp_type"`
	ICMPCode     uint8 `json:"icmp_code"`
	Via          string
}

type rawGroup struct {
	Ingress, Egress []rawRule
	Open            string
	Term            string
}

type rawRule struct {
	Proto    string
	From, To *text
	Peer     struct{ CIDR, SG, PL, Unknown, Family string }
	Exists   string
}

type rawACL struct {
	Default bool
	Entries []rawEntry
	Open    string
}

type rawEntry struct {
	N                   text
	Egress              bool
	Proto, Action, CIDR string
	Ports               *rawPorts
	ICMP                []int
	Exists              string
}

// rawPorts is [lo, hi], or the term of ports that are not known.
type rawPorts struct {
	Lo, Hi uint16
	Term   string
}

func (p *rawPorts) UnmarshalJSON(data []byte) error {
	var pair [2]uint16
	if json.Unmarshal(data, &pair) == nil {
		p.Lo, p.Hi = pair[0], pair[1]
		return nil
	}
	return json.Unmarshal(data, &p.Term)
}

type rawSubnet struct {
	VPC          choiceOf
	CIDR, CIDR6  string
	NACL         choiceOf
	Routes       []rawRoute
	Tables       *rawTables
	BPAExclusion string `json:"bpa_exclusion"`
	Zone         string
}

type rawTables struct {
	Of        [][]rawRoute
	Why, Open string
}

type rawRoute struct {
	Dst        string
	Target     choiceOf
	State      string
	Exists     string
	Propagated bool
}

type rawInterface struct {
	Subnet          choiceOf
	IPs, Prefixes   []string
	SGs             []string
	SGsMaybe        map[string]string `json:"sgs_maybe"`
	SGsOpen         string            `json:"sgs_open"`
	PublicIP        string            `json:"public_ip"`
	PublicExists    string            `json:"public_exists"`
	SourceDestCheck *text             `json:"source_dest_check"`
	Type            string
	Exists          string
	Listens         []rawService
	ListensOpen     string `json:"listens_open"`
	Preserve        *text  `json:"preserve_client_ip"`
}

type rawService struct {
	Proto string
	Ports rawPorts
}

type rawVPC struct {
	CIDR, CIDR6  string
	Secondary    []string
	IGW          text
	BPA          string
	BPAExclusion string `json:"bpa_exclusion"`
	Unseen       bool
	IGWRoutes    []rawRoute `json:"igw_routes"`
	Lattice      *rawLattice
}

type rawLattice struct {
	SGs []string
}

// rawGateway is a virtual private gateway, a Gateway Load Balancer endpoint, or
// one that the model has no word for.
type rawGateway struct {
	Type        string
	VPC, Subnet choiceOf
	Routes      []rawRoute
}

type rawLink struct {
	ID, Type, State string
	VPCs            []string
	SameRegion      *text `json:"same_region"`
	SGRef           *text `json:"sg_ref"`
	Attachments     map[string]choiceOf
	Tables          []rawTransitTable
	Open            string
	Outside         []string
}

type rawTransitTable struct {
	Associated, Propagated []string
	Routes                 []struct{ Dst, To string }
	Open                   string
}

type rawList struct {
	CIDRs []string
	Open  string
}

func (l *rawList) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &l.CIDRs) == nil {
		return nil
	}
	type plain rawList
	return json.Unmarshal(data, (*plain)(l))
}

type rawNAT struct {
	Subnet, IP   string
	PublicIP     string `json:"public_ip"`
	Connectivity string
	Sport        uint16
	VPC          string // of a regional one
	Routes       []rawRoute
}

type rawBalancer struct {
	Type, ENI string
	Listener  struct {
		Proto string
		Port  uint16
	}
	Target   rawTarget
	Targets  []rawTarget
	Preserve *text `json:"preserve_client_ip"`
	Sport    uint16
}

type rawTarget struct {
	ENI, IP string
	Port    text
	Exists  string
}

// text is a JSON scalar as text.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		*t = text(v)
	case bool:
		*t = text(strconv.FormatBool(v))
	case float64:
		*t = text(strconv.FormatFloat(v, 'f', -1, 64))
	default:
		return fmt.Errorf("%s is no scalar", data)
	}
	return nil
}

// choiceOf is one name, or {of, why, open}.
type choiceOf struct {
	Of        []string
	Why, Open string
}

func (c *choiceOf) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		c.Of = []string{one}
		return nil
	}
	type plain choiceOf
	return json.Unmarshal(data, (*plain)(c))
}

// term returns what follows the "?" of a value that is not known.
func term(s string) (string, bool) { return strings.CutPrefix(s, "?") }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
