package aws

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/hcl"
)

var update = flag.Bool("update", false, "write the golden files")

// evaluate evaluates one file of Terraform.
func evaluate(t testing.TB, text string) *tf.Root {
	t.Helper()
	fsys := fstest.MapFS{"main.tf": &fstest.MapFile{Data: []byte(text)}}
	files := hcl.NewFiles(fsys, func(p string) string { return p }, hcl.Limits{})
	return hcl.Evaluate(context.Background(), files, ".", hcl.Options{Schemas: Schemas, Data: DataSchemas, Question: Question})
}

func build(t testing.TB, text string) *ir.Network {
	t.Helper()
	root := evaluate(t, text)
	for _, d := range root.Diagnostics {
		if d.Error {
			t.Errorf("%s: %s", d.Range, d.Message)
		}
	}
	return Build(root)
}

// TestGolden compares the model of every testdata/golden/NAME.tf with NAME.txt.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/golden/*.tf")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, in := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(in), ".tf"), func(t *testing.T) {
			text, err := os.ReadFile(in)
			if err != nil {
				t.Fatal(err)
			}
			got := dump(build(t, string(text)))
			golden := strings.TrimSuffix(in, ".tf") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v (run with -update)", err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if again := dump(build(t, string(text))); again != got {
				t.Errorf("a second run differs:\n%s", cmp.Diff(got, again))
			}
		})
	}
}

// microCase is a case of microcases.json: Terraform and its normal form.
type microCase struct {
	ID, HCL string
	Expect  struct {
		Groups map[string]normalGroup `json:"sgs"`
		ACLs   map[string]normalACL   `json:"nacls"`
	} `json:"expect_ir"`
	Diagnostic string `json:"expect_diagnostic"`
}

type normalPeer struct {
	CIDR  string `json:"cidr,omitempty"`
	Group string `json:"sg,omitempty"`
	List  string `json:"pl,omitempty"`
}

type normalRule struct {
	Protocol string     `json:"proto"`
	From     *int       `json:"from,omitempty"`
	To       *int       `json:"to,omitempty"`
	Peer     normalPeer `json:"peer"`
}

type normalGroup struct {
	Default bool         `json:"default"`
	Ingress []normalRule `json:"ingress"`
	Egress  []normalRule `json:"egress"`
}

type normalEntry struct {
	Number   int    `json:"n"`
	Egress   bool   `json:"egress"`
	Protocol string `json:"proto"`
	Action   string `json:"action"`
	CIDR     string `json:"cidr"`
	Ports    []int  `json:"ports,omitempty"`
	ICMP     []int  `json:"icmp,omitempty"`
}

type normalACL struct {
	Default bool          `json:"default"`
	Entries []normalEntry `json:"entries"`
	Subnets []string      `json:"subnets,omitempty"`
}

func TestMicroCases(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "semantics", "microcases.json"))
	if err != nil {
		t.Fatalf("testdata/semantics/microcases.json is part of the project: %v", err)
	}
	var file struct {
		Cases []microCase `json:"tf_cases"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 27 {
		t.Fatalf("%d cases, want at least 27", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.ID, func(t *testing.T) {
			n := build(t, c.HCL)
			for name, want := range c.Expect.Groups {
				if d := cmp.Diff(sorted(want), normalGroups(t, n)[name]); d != "" {
					t.Errorf("group %s: -want +got:\n%s", name, d)
				}
			}
			for name, want := range c.Expect.ACLs {
				if d := cmp.Diff(want, normalACLs(t, n)[name]); d != "" {
					t.Errorf("ACL %s: -want +got:\n%s", name, d)
				}
			}
			checkDiagnostic(t, c.ID, c.Diagnostic, n.Problems)
		})
	}
}

// caseRules are the rules that report what the cases expect a diagnostic for.
var caseRules = map[string]string{
	"TF006": ruleInvalid, "TF008": ruleNeverMatches, "TF012": ruleBothStyles, "TF013": ruleBothStyles, "TF016": ruleInvalid,
	"TF021": ruleICMPZero, "TF023": ruleInvalid, "TF024": ruleICMPZero, "TF025": rulePortZero,
}

func checkDiagnostic(t *testing.T, id, want string, got diag.List) {
	t.Helper()
	if want == "" {
		if len(got) > 0 {
			t.Errorf("problems where none are expected: %v", got)
		}
		return
	}
	kind, _, _ := strings.Cut(want, ":")
	if len(got) != 1 {
		t.Fatalf("problems %v, want one: %s", got, want)
	}
	d := got[0]
	if d.Rule != caseRules[id] || d.Error != (kind == "error") || d.Message == "" || d.Fix == "" || d.Range.IsZero() || d.Address == "" {
		t.Errorf("problem %+v, want rule %s for %q, with a place and a fix", d, caseRules[id], want)
	}
}

func sorted(g normalGroup) normalGroup {
	for _, list := range []*[]normalRule{&g.Ingress, &g.Egress} {
		if *list == nil {
			*list = []normalRule{}
		}
		slices.SortFunc(*list, func(a, b normalRule) int { return strings.Compare(normalKey(a), normalKey(b)) })
	}
	return g
}

func normalKey(r normalRule) string {
	b, _ := json.Marshal(r)
	return string(b)
}

// shortName is an object's name in the cases: the name of its resource,
// "v.default" for what comes with a VPC, and an id otherwise.
func shortName(address, account, id string) string {
	switch {
	case account != "":
		return account + "/" + id
	case id != "":
		return id
	case strings.HasSuffix(address, ".default_security_group"), strings.HasSuffix(address, ".default_network_acl"):
		return strings.Split(address, ".")[1] + ".default"
	}
	return address[strings.LastIndex(address, ".")+1:]
}

func groupName(g *ir.SecurityGroup) string { return shortName(g.Origin.Address, g.Home.Account, g.ID) }

func normalGroups(t *testing.T, n *ir.Network) map[string]normalGroup {
	t.Helper()
	out := map[string]normalGroup{}
	for _, g := range n.SecurityGroups {
		ng := normalGroup{Default: g.Default}
		for _, r := range g.Ingress {
			ng.Ingress = append(ng.Ingress, normalize(t, r))
		}
		for _, r := range g.Egress {
			ng.Egress = append(ng.Egress, normalize(t, r))
		}
		out[groupName(g)] = sorted(ng)
	}
	return out
}

func normalize(t *testing.T, r ir.Rule) normalRule {
	t.Helper()
	if !r.Protocol.Known() || !r.Ports.Known() || r.Maybe != nil || r.Peer.Unknown != nil {
		t.Fatalf("a part of the rule of %s is not known: %+v", r.Origin.Address, r)
	}
	var out normalRule
	switch p := r.Protocol.V; p {
	case -1:
		out.Protocol = "-1"
	default:
		out.Protocol = packet.ProtocolName(p)
	}
	lo, hi := int(r.Ports.V.Lo), int(r.Ports.V.Hi)
	switch p := r.Protocol.V; {
	case p == packet.TCP || p == packet.UDP:
		out.From, out.To = &lo, &hi
	case (p == packet.ICMP || p == packet.ICMPv6) && r.Ports.V != ir.AllPorts:
		typ, code := lo>>8, lo&255
		if lo != hi {
			code = -1
		}
		out.From, out.To = &typ, &code
	}
	switch {
	case r.Peer.Group != nil:
		out.Peer.Group = groupName(r.Peer.Group)
	case r.Peer.PrefixList != nil:
		out.Peer.List = r.Peer.PrefixList.ID
	default:
		out.Peer.CIDR = r.Peer.CIDR.String()
	}
	return out
}

func normalACLs(t *testing.T, n *ir.Network) map[string]normalACL {
	t.Helper()
	out := map[string]normalACL{}
	for _, a := range n.NetworkACLs {
		na := normalACL{Default: a.Default, Entries: []normalEntry{}}
		for _, e := range a.Entries {
			ne := normalEntry{
				Number: int(e.Number.V), Egress: e.Egress, Protocol: strconv.Itoa(int(e.Protocol.V)), Action: "deny", CIDR: e.Peer.CIDR.String(),
			}
			if e.Allow.V {
				ne.Action = "allow"
			}
			switch e.Protocol.V {
			case packet.TCP, packet.UDP:
				ne.Ports = []int{int(e.Ports.V.Lo), int(e.Ports.V.Hi)}
			case packet.ICMP, packet.ICMPv6:
				ne.ICMP = []int{int(e.Ports.V.Lo >> 8), int(e.Ports.V.Lo & 255)}
			}
			na.Entries = append(na.Entries, ne)
		}
		for _, s := range n.Subnets {
			if acl, ok := s.ACL.Known(); ok && acl == a {
				na.Subnets = append(na.Subnets, shortName(s.Origin.Address, "", s.ID))
			}
		}
		out[shortName(a.Origin.Address, "", a.ID)] = na
	}
	return out
}
