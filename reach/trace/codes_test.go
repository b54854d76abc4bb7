package trace_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/postern-dev/postern/reach/trace"
)

// awsCodes is the whole list of explanation codes.
// [https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html, November 2026]
const awsCodes = `BAD_STATE BAD_STATE_ATTACHMENT BAD_STATE_ROUTE BAD_STATE_VPN CANNOT_ROUTE ELB_ACL_RESTRICTION
ELB_INSTALLED_AZ_RESTRICTION ELB_LISTENER_PORT_RESTRICTION ELB_LISTENERS_MISMATCH ELB_NOT_CROSSZONE ELBV2_LISTENER_HAS_NO_TG
ELBV2_LISTENER_PORT_RESTRICTION ELBV2_LISTENER_REQUIRES_TG_ACCEPT ELBV2_LISTENERS_MISMATCH ELBV2_NO_TARGETS_IN_AZ
ELBV2_SOURCE_ADDRESS_PRESERVATION ENI_ADDRESS_RESTRICTION ENI_SG_RULES_MISMATCH ENI_SOURCE_DEST_CHECK_RESTRICTION
FIREWALL_RULES_RESTRICTION GATEWAY_REJECTS_SPOOFED_TRAFFIC GWLB_DESTINATION_PORT_RESTRICTION GWLB_PROTOCOL_RESTRICTION
HIGHER_PRIORITY_ROUTE IGW_DESTINATION_ADDRESS_IN_VPC_CIDRS IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS
IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS IGW_NAT_REFLECTION IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS
IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS
INGRESS_RTB_NO_PUBLIC_IP INGRESS_RTB_TRAFFIC_REDIRECTION MORE_SPECIFIC_ROUTE NGW_DEST_ADDRESS_PRESERVATION
NGW_REQUIRES_SOURCE_IN_VPC NGW_SOURCE_ADDRESS_REASSIGN NO_POSSIBLE_DESTINATION NO_ROUTE_TO_DESTINATION
PCX_REQUIRES_ADDRESS_IN_VPC_CIDR PROTOCOL_RESTRICTION REGIONAL_NGW_ROUTE_AZ_RESTRICTION REMAP_EPHEMERAL_PORT SG_HAS_NO_RULES
SG_REFERENCES_NOT_PRESERVED SG_REFERENCING_SUPPORT SUBNET_ACL_RESTRICTION TARGET_ADDRESS_RESTRICTION TARGET_PORT_RESTRICTION
TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION TGW_ATTACH_VPC_AZ_RESTRICTION TGW_BAD_STATE_VPN TGW_ROUTE_AZ_RESTRICTION
TGW_RTB_BAD_STATE_ROUTE TGW_RTB_CANNOT_ROUTE TGW_RTB_HIGHER_PRIORITY_ROUTE TGW_RTB_MORE_SPECIFIC_ROUTE
TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT TGW_RTB_ROUTES_ARE_UNKNOWN UNKNOWN_DESTINATION UNKNOWN_PEERED_SGS UNKNOWN_RESOURCE
VGW_PRIVATE_IP_ASSOCIATION_FOR_EGRESS VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS VPC_BLOCK_PUBLIC_ACCESS_ENABLED
VPC_LOCAL_ROUTE_CIDR_RESTRICTION VPCE_GATEWAY_EGRESS_SOURCE_ADDRESS_RESTRICTION VPCE_GATEWAY_PROTOCOL_RESTRICTION
VPCE_INTRA_VPC_TRAFFIC VPCE_SERVICE_NOT_INSTALLED_IN_AZ DISCONNECTED_VPCS NO_PATH NO_SOURCE_OR_DESTINATION
UNASSOCIATED_COMPONENT UNSUPPORTED_COMPONENT COMPONENT_FILTER_RESTRICTION COMPONENT_FILTER_RESTRICTION_REMOVED_COMPONENT
FILTER_AT_DESTINATION_DESTINATION_ADDRESS FILTER_AT_DESTINATION_DESTINATION_PORT_RANGE FILTER_AT_DESTINATION_PROTOCOL
FILTER_AT_DESTINATION_SOURCE_ADDRESS FILTER_AT_DESTINATION_SOURCE_PORT_RANGE FILTER_AT_SOURCE_DESTINATION_ADDRESS
FILTER_AT_SOURCE_DESTINATION_PORT_RANGE FILTER_AT_SOURCE_PROTOCOL FILTER_AT_SOURCE_SOURCE_ADDRESS
FILTER_AT_SOURCE_SOURCE_PORT_RANGE IGW_EXPECTS_PUBLIC_ADDRESS`

// Every code that AWS gives has a case that produces it or a reason why none
// does, and not both.
func TestCodesAreComplete(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(semantics, "codes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Reasons map[string]string `json:"not_modelled"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(awsCodes)
	produced := map[string]bool{}
	for _, c := range load(t, "codes.json") {
		produced[c.Code] = true
		if c.Code != "" && !slices.Contains(all, c.Code) {
			t.Errorf("%s: AWS has no code %s", c.ID, c.Code)
		}
	}
	for _, code := range all {
		if produced[code] == (file.Reasons[code] != "") {
			t.Errorf("%s: produced %v, reason %q", code, produced[code], file.Reasons[code])
		}
	}
	for code, reason := range file.Reasons {
		if !slices.Contains(all, code) || reason == "" {
			t.Errorf("%s is no code, or has no reason", code)
		}
	}
}

// Each case gives its code at the hop that it names.
func TestCodes(t *testing.T) {
	for _, c := range load(t, "codes.json") {
		t.Run(c.ID, func(t *testing.T) {
			r := trace.Run(c.Network, trace.Query{From: c.From, To: c.To, Header: c.Header, NATPort: c.NATPort, Verbose: true})
			checkShape(t, r)
			if r.Verdict.String() != c.Expect {
				t.Fatalf("%v, want %s: %s\n%s", r.Verdict, c.Expect, c.Because, dump(r))
			}
			if c.Code == "" {
				return
			}
			l := r.Forward
			if c.Leg == "reply" {
				l = r.Reply
			}
			found := slices.ContainsFunc(l.Hops, func(h trace.Hop) bool {
				if h.Stage.String() != c.Stage || h.Component != c.Component {
					return false
				}
				if c.Passed {
					return slices.ContainsFunc(h.Over, func(o trace.Over) bool { return o.Code == c.Code && o.Message != "" })
				}
				return h.Code == c.Code && h.Verdict.String() == c.Expect
			})
			if !found {
				t.Errorf("no hop of %s at %s of %s has the code\n%s", c.Leg, c.Stage, c.Component, dump(r))
			}
			if slices.ContainsFunc(trace.Run(c.Network, trace.Query{From: c.From, To: c.To, Header: c.Header}).Forward.Hops, func(h trace.Hop) bool { return len(h.Over) > 0 }) {
				t.Error("things passed over are kept though nobody asked")
			}
		})
	}
}

// The package names no code that AWS does not have.
func TestCodesInSource(t *testing.T) {
	word := regexp.MustCompile(`^[A-Z0-9]+(_[A-Z0-9]+)+$`)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all, seen := strings.Fields(awsCodes), 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			l, ok := n.(*ast.BasicLit)
			if !ok || l.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(l.Value); err == nil && word.MatchString(s) {
				seen++
				if !slices.Contains(all, s) {
					t.Errorf("%s: AWS has no code %s", name, s)
				}
			}
			return true
		})
	}
	if seen < 40 {
		t.Errorf("only %d codes", seen)
	}
}
