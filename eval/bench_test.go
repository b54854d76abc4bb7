package eval

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/postern-dev/postern/eval/record"
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
	from netip.Addr // the zero one: any host on the internet
	to   *ir.Interface
	port uint16
}

// talks draws who talks to whom: what is allowed, three times of four.
func talks(n *ir.Network, r *rand.Rand, count int) []talk {
	var ts []talk
	for len(ts) < count {
		from, to := n.Interfaces[r.IntN(len(n.Interfaces))], n.Interfaces[r.IntN(len(n.Interfaces))]
		t := talk{from.Addresses[0].Private.V, to, []uint16{22, 80, 443, 3306, 5432, 6379, 8080, 9200}[r.IntN(8)]}
		q := trace.Query{From: from, To: to, Header: packet.Header{Src: t.from, Dst: to.Addresses[0].Private.V, Protocol: packet.TCP, SrcPort: 40000, DstPort: t.port}}
		if from == to || trace.Decide(n, q) != trace.Allow && r.IntN(50) > 0 {
			continue
		}
		if r.IntN(5) == 0 {
			t.from = netip.Addr{}
		}
		ts = append(ts, t)
	}
	return ts
}

// rows writes flow-log rows of the default format, or of one with TCP flags:
// requests and replies of 4,000 talks, seen at the server.
func rows(n *ir.Network, count int, flags bool) []byte {
	r := rand.New(rand.NewPCG(5, 6))
	ts := talks(n, r, 4000)
	var b bytes.Buffer
	if flags {
		b.WriteString("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags flow-direction\n")
	}
	for k := range count {
		t := ts[r.IntN(len(ts))]
		src, dst := t.from, t.to.Addresses[0].Private.V
		if !src.IsValid() {
			src = netip.AddrFrom4([4]byte{byte(11 + r.IntN(80)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
		}
		sport, dport, flag, direction := uint16(32768+r.IntN(28000)), t.port, 2, "ingress"
		if k%2 == 0 {
			src, dst, sport, dport, flag, direction = dst, src, dport, sport, 18, "egress"
		}
		fmt.Fprintf(&b, "2 123456789012 %s %s %s %d %d 6 %d %d 1700000000 1700000060 ACCEPT OK", t.to.ID, src, dst, sport, dport, 1+r.IntN(100), 40+r.IntN(100000))
		if flags {
			fmt.Fprintf(&b, " %d %s", flag, direction)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// BenchmarkAnswer is a verdict from interface to interface, both ways, for a
// packet of a class that has been met, and how many times as long a walk takes.
// BenchmarkMiss is one for a class that has not.
func BenchmarkAnswer(b *testing.B) {
	n := shop()
	m := NewJudge(n, Options{}).NewMemory()
	var rs []record.Record
	var qs []trace.Query
	r := rng(1)
	for range 512 {
		from, to := n.Interfaces[r.IntN(400)], n.Interfaces[r.IntN(400)]
		if from == to {
			continue
		}
		rec := record.Record{Src: from.Addresses[0].Private.V, Dst: to.Addresses[0].Private.V, Protocol: packet.TCP, SrcPort: uint16(40000 + r.IntN(999)), DstPort: 443}
		rs = append(rs, rec)
		qs = append(qs, trace.Query{From: from, To: to, Header: rec.Header()})
		m.Answer(&rec)
	}
	walks := time.Now()
	for range 100 {
		for k := range qs {
			trace.Decide(n, qs[k])
		}
	}
	walk := float64(time.Since(walks)) / float64(100*len(qs))
	k := 0
	b.ReportAllocs()
	for b.Loop() {
		if k++; k == len(rs) {
			k = 0
		}
		m.Answer(&rs[k])
	}
	b.ReportMetric(walk/(float64(b.Elapsed())/float64(b.N)), "walk/answer")
}

// again reads the same bytes over and over.
type again struct {
	text []byte
	at   int
	left int
}

func (a *again) Read(b []byte) (int, error) {
	if a.at == len(a.text) {
		if a.left--; a.left <= 0 {
			return 0, io.EOF
		}
		a.at = 0
	}
	n := copy(b, a.text[a.at:])
	a.at += n
	return n, nil
}

func benchmarkRows(b *testing.B, flags bool) {
	n := shop()
	text := rows(n, 200_000, flags)
	const repeat = 5
	lines := 0
	for b.Loop() {
		source, err := record.Open(&again{text: text, left: repeat}, nil, 0)
		if err != nil {
			b.Fatal(err)
		}
		s, err := NewJudge(n, Options{}).Run(b.Context(), Task{Source: source})
		if err != nil {
			b.Fatal(err)
		}
		lines += s.Lines
	}
	b.SetBytes(int64(len(text) * repeat))
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys), "peak-B")
}

// BenchmarkRows is a million rows of the default format.
func BenchmarkRows(b *testing.B) { benchmarkRows(b, false) }

// BenchmarkRowsWithFlags is a million rows that tell which end began.
func BenchmarkRowsWithFlags(b *testing.B) { benchmarkRows(b, true) }

// BenchmarkParse is one row.
func BenchmarkParse(b *testing.B) {
	text := rows(shop(), 1, false)
	source, err := record.Open(bytes.NewReader(text), nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	var r record.Record
	b.ReportAllocs()
	for b.Loop() {
		source.Layout.Parse(text[:len(text)-1], &r)
	}
}

// BenchmarkMiss is a row of a class that has not been met.
func BenchmarkMiss(b *testing.B) {
	n := shop()
	text := rows(n, 1000, false)
	source, err := record.Open(&again{text: text, left: 1}, nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, record.ChunkSize)
	lines, _, _ := source.Next(buf)
	j := NewJudge(n, Options{})
	var rs []record.Record
	for len(lines) > 0 {
		k := 0
		for lines[k] != '\n' {
			k++
		}
		var r record.Record
		if kind, _ := source.Layout.Parse(lines[:k], &r); kind == record.Packet {
			rs = append(rs, r)
		}
		lines = lines[k+1:]
	}
	b.ReportAllocs()
	k := 0
	for b.Loop() {
		if k++; k == len(rs) {
			k = 0
		}
		at, _ := j.key(&rs[k])
		j.judge(at, &rs[k])
	}
}
