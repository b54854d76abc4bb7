package aws

import (
	"strconv"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// aclNames are the protocol names of the IANA registry from number 0 on, as the
// provider spells them. "-" has a number only; "!" is refused. Network ACLs take
// these and not the names of security groups: icmpv6 is none of them.
// [TP vpc_network_acl.go; iana.org protocol-numbers]
const aclNames = `hopopt icmp igmp ggp ipv4 st tcp cbt egp igp bbn-rcc-mon nvp-ii pup argus emcon xnet chaos udp mux dcn-meas
hmp prm xns-idp trunk-1 trunk-2 leaf-1 leaf-2 rdp irtp iso-tp4 netblt mfe-nsp merit-inp dccp 3pc idpr xtp ddp idpr-cmtp tp++
il ipv6 sdrp ipv6-route ipv6-frag idrp rsvp gre dsr bna esp ah i-nlsp swipe narp mobile tlsp ! ipv6-icmp ipv6-nonxt
ipv6-opts - cftp - sat-expak kryptolan rvd ippc - sat-mon visa ipcv cpnx cphb wsn pvp br-sat-mon sun-nd wb-mon wb-expak
iso-ip vmtp secure-vmtp vines ttp nsfnet-igp dgp tcf eigrp ospfigp sprite-rpc larp mtp ax.25 ipip micp scc-sp etherip encap -
gmtp ifmp pnni pim aris scps qnx a/n ipcomp snp compaq-peer ipx-in-ip vrrp pgm - l2tp dd iatp stp srp
uti smp sm ptp isis-over-ipv4 fire crtp crudp sscopmce iplt sps pipe sctp fc rsvp-e2e-ignore mobility-header udplite mpls-in-ip manet hip
shim6 wesp rohc`

// aclProtocolNumber looks up a protocol as network ACL resources do: names in
// lower case, or a number that the registry knows.
func aclProtocolNumber(s string) (int16, bool) {
	if s == "all" || s == "-1" {
		return -1, true
	}
	names := strings.Fields(aclNames)
	if n, err := strconv.Atoi(s); err == nil {
		ok := n >= 0 && n < len(names) && names[n] != "!" || n == 253 || n == 254
		return int16(n), ok
	}
	for n, name := range names {
		if name == s && name != "-" && name != "!" {
			return int16(n), true
		}
	}
	return 0, false
}

// aclProtocol reads the protocol of an entry. ok is false when the provider
// refuses it: there is no such entry then.
func (v view) aclProtocol() (p ir.Value[int16], ok bool) {
	s, set := v.str("protocol")
	switch {
	case !set:
		return ir.NotKnown[int16](v.invalid(v.at("protocol"), "protocol is required", `write a protocol, or "-1" for all`)), true
	case !s.Known():
		return ir.NotKnown[int16](s.Why), true
	case tf.HasSymbol(s.V):
		return ir.NotKnown[int16](afterApply(elem{s: s.V, at: v.at("protocol")})), true
	}
	if n, found := aclProtocolNumber(s.V); found {
		return ir.Known(n), true
	}
	message, fix := "network ACLs know no such protocol", "use a protocol number, or its IANA name in lower case"
	switch lower := strings.ToLower(s.V); {
	case lower == "icmpv6":
		message, fix = "unsupported protocol of a network ACL: icmpv6", `write "58" or "ipv6-icmp": the name icmpv6 is for security groups`
	case lower != s.V:
		if _, found := aclProtocolNumber(lower); found {
			message, fix = "network ACLs take protocol names in lower case only", "write it in lower case"
		}
	}
	v.invalid(v.at("protocol"), message, fix)
	return p, false
}
