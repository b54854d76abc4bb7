package eval

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// shop is a VPC of a middling size: 8 subnets with ACLs of their own, 400
// instances in 40 groups that name each other, 600 rules, the internet behind a
// gateway.
func shop() *ir.Network {
	r := rand.New(rand.NewPCG(1, 2))
	v := &ir.VPC{ID: "vpc-1", Seen: true, IPv4: []ir.Value[netip.Prefix]{ir.Known(netip.MustParsePrefix("10.0.0.0/16"))}, BPA: ir.Known(ir.BPAOff), Exclusion: ir.Known(ir.ExclusionNone)}
	n := &ir.Network{VPCs: []*ir.VPC{v}, Closed: map[ir.Scope]bool{{Kind: ir.KindInterface}: true}}
	igw := &ir.Gateway{ID: "igw-1", Kind: ir.InternetGateway, VPC: ir.One(v)}
	n.Gateways = []*ir.Gateway{igw}
	table := &ir.RouteTable{ID: "rtb-1", VPC: ir.One(v), Routes: []ir.Route{
		{Destination: ir.Peer{CIDR: v.IPv4[0].V}, Target: ir.One(ir.Target{Kind: ir.TargetLocal}), Blackhole: ir.Known(false)},
		{Destination: ir.Peer{CIDR: netip.MustParsePrefix("0.0.0.0/0")}, Target: ir.One(ir.Target{Kind: ir.TargetGateway, Gateway: igw}), Blackhole: ir.Known(false)},
	}}
	n.RouteTables = []*ir.RouteTable{table}
	for k := range 40 {
		n.SecurityGroups = append(n.SecurityGroups, &ir.SecurityGroup{ID: fmt.Sprintf("sg-%d", k), VPCs: ir.One(v)})
	}
	match := func(protocol int16, lo, hi uint16, p ir.Peer) ir.Match {
		return ir.Match{Protocol: ir.Known(protocol), Ports: ir.Known(ir.Ports{Lo: lo, Hi: hi}), Peer: p}
	}
	all := ir.Peer{CIDR: netip.MustParsePrefix("0.0.0.0/0")}
	for _, g := range n.SecurityGroups {
		g.Egress = []ir.Rule{{Match: match(-1, 0, 65535, all)}}
		for k := range 14 {
			port := []uint16{22, 80, 443, 3306, 5432, 6379, 8080, 9200}[r.IntN(8)]
			p := ir.Peer{Group: n.SecurityGroups[r.IntN(40)]}
			if k%3 == 0 {
				p = ir.Peer{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(8)), 0}), 24)}
			}
			g.Ingress = append(g.Ingress, ir.Rule{Match: match(packet.TCP, port, port, p), Origin: ir.Origin{Address: fmt.Sprintf("%s/%d", g.ID, k)}})
		}
	}
	for k := range 8 {
		a := &ir.NetworkACL{ID: fmt.Sprintf("acl-%d", k)}
		for e := range 20 {
			a.Entries = append(a.Entries, ir.Entry{
				Match:  match(packet.TCP, uint16(e*50), uint16(e*50+49), ir.Peer{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(e), 0}), 24)}),
				Egress: e%2 == 0, Number: ir.Known(uint16(10 + e)), Allow: ir.Known(false),
			})
		}
		for _, egress := range []bool{false, true} {
			a.Entries = append(a.Entries, ir.Entry{Match: match(-1, 0, 65535, all), Egress: egress, Number: ir.Known(uint16(100)), Allow: ir.Known(true)})
		}
		n.NetworkACLs = append(n.NetworkACLs, a)
		s := &ir.Subnet{
			ID: fmt.Sprintf("subnet-%d", k), VPC: ir.One(v), IPv4: ir.Known(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(k), 0}), 24)),
			ACL: ir.One(a), RouteTable: ir.One(table), Exclusion: ir.Known(ir.ExclusionNone),
		}
		n.Subnets = append(n.Subnets, s)
		for h := range 50 {
			n.Interfaces = append(n.Interfaces, &ir.Interface{
				ID: fmt.Sprintf("eni-%04d%04d", k, h), Resource: fmt.Sprintf("i-%d-%d", k, h), Kind: ir.InterfaceInstance, Subnet: ir.One(s),
				Groups:          ir.All(n.SecurityGroups[r.IntN(40)], n.SecurityGroups[r.IntN(40)]),
				SourceDestCheck: ir.Known(true),
				Addresses: []ir.Address{{Private: ir.Known(netip.AddrFrom4([4]byte{10, 0, byte(k), byte(10 + h)})), Family: packet.IPv4, Public: ir.Public{
					Exists: ir.Known(k == 0), Addr: ir.Known(netip.AddrFrom4([4]byte{198, 51, 100, byte(h + 1)})),
				}}},
			})
		}
	}
	return n
}

// talk is two hosts of which one keeps asking the other.
type talk struct {
	from, to *ir.Interface
	port     uint16
	stranger bool // in from's place any host on the internet
}

func (t talk) query() trace.Query {
	return trace.Query{From: t.from, To: t.to, Header: packet.Header{
		Src: t.from.Addresses[0].Private.V, Dst: t.to.Addresses[0].Private.V, Protocol: packet.TCP, SrcPort: 40000, DstPort: t.port,
	}}
}

// talks draws who talks to whom: what is allowed, three times of four.
func talks(n *ir.Network, r *rand.Rand, count int) []talk {
	var ts []talk
	for len(ts) < count {
		t := talk{from: n.Interfaces[r.IntN(len(n.Interfaces))], to: n.Interfaces[r.IntN(len(n.Interfaces))]}
		t.port = []uint16{22, 80, 443, 3306, 5432, 6379, 8080, 9200}[r.IntN(8)]
		if t.from == t.to || trace.Decide(n, t.query()) != trace.Allow && r.IntN(50) > 0 {
			continue
		}
		t.stranger = r.IntN(5) == 0
		ts = append(ts, t)
	}
	return ts
}

// row is a row of a flow log, as AWS writes it to Parquet. [VPC flow-logs-s3.md]
type row struct {
	Version   int32  `parquet:"version"`
	Account   string `parquet:"account_id,dict"`
	Interface string `parquet:"interface_id,dict"`
	Src       string `parquet:"srcaddr,dict"`
	Dst       string `parquet:"dstaddr,dict"`
	SrcPort   int32  `parquet:"srcport"`
	DstPort   int32  `parquet:"dstport"`
	Protocol  int64  `parquet:"protocol"`
	Packets   int64  `parquet:"packets"`
	Bytes     int64  `parquet:"bytes"`
	Start     int64  `parquet:"start"`
	End       int64  `parquet:"end"`
	Action    string `parquet:"action,dict"`
	Status    string `parquet:"log_status,dict"`
	Flags     int32  `parquet:"tcp_flags"`
	Direction string `parquet:"flow_direction,dict"`
}

// rows are requests and replies of 4,000 talks, seen at the server.
func rows(n *ir.Network, count int) []row {
	r := rand.New(rand.NewPCG(5, 6))
	ts := talks(n, r, 4000)
	rs := make([]row, 0, count)
	for k := range count {
		t := ts[r.IntN(len(ts))]
		src, dst := t.from.Addresses[0].Private.V, t.to.Addresses[0].Private.V
		if t.stranger {
			src = netip.AddrFrom4([4]byte{byte(11 + r.IntN(80)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
		}
		sport, dport, flag, direction := uint16(32768+r.IntN(28000)), t.port, int32(2), "ingress"
		if k%2 == 0 {
			src, dst, sport, dport, flag, direction = dst, src, dport, sport, 18, "egress"
		}
		rs = append(rs, row{
			2, "123456789012", t.to.ID, src.String(), dst.String(), int32(sport), int32(dport), packet.TCP,
			int64(1 + r.IntN(100)), int64(40 + r.IntN(100000)), 1700000000, 1700000060, "ACCEPT", "OK", flag, direction,
		})
	}
	return rs
}

func defaultLog(_ testing.TB, rs []row) []byte {
	var b []byte
	for _, r := range rs {
		b = append(appendDefault(b, &r), '\n')
	}
	return b
}

func appendDefault(b []byte, r *row) []byte {
	return fmt.Appendf(b, "%d %s %s %s %s %d %d %d %d %d %d %d %s %s", r.Version, r.Account, r.Interface, r.Src, r.Dst, r.SrcPort, r.DstPort,
		r.Protocol, r.Packets, r.Bytes, r.Start, r.End, r.Action, r.Status)
}

func flagsLog(_ testing.TB, rs []row) []byte {
	b := []byte("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags flow-direction\n")
	for _, r := range rs {
		b = fmt.Appendf(appendDefault(b, &r), " %d %s\n", r.Flags, r.Direction)
	}
	return b
}

func csvLog(_ testing.TB, rs []row) []byte {
	b := []byte("interface_id,srcaddr,dstaddr,srcport,dstport,protocol,packets,bytes,start,end,action,log_status\n")
	for _, r := range rs {
		b = fmt.Appendf(b, "%s,%s,%s,%d,%d,%d,%d,%d,%d,%d,%s,%s\n", r.Interface, r.Src, r.Dst, r.SrcPort, r.DstPort, r.Protocol, r.Packets, r.Bytes,
			r.Start, r.End, r.Action, r.Status)
	}
	return b
}

func jsonLog(_ testing.TB, rs []row) []byte {
	var b []byte
	for _, r := range rs {
		b = fmt.Appendf(b, "{\"src\":%q,\"dst\":%q,\"protocol\":\"tcp\",\"sport\":%d,\"dport\":%d}\n", r.Src, r.Dst, r.SrcPort, r.DstPort)
	}
	return b
}

func gzipLog(t testing.TB, rs []row) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(defaultLog(t, rs)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parquetLog(t testing.TB, rs []row) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.Compression(&parquet.Gzip), parquet.MaxRowsPerRowGroup(100_000))
	if _, err := w.Write(rs); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
