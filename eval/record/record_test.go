package record

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func source(t *testing.T, text string) *Source {
	t.Helper()
	s, err := Open(strings.NewReader(text), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// describe parses every line of an input and writes each record as a line.
func describe(t *testing.T, s *Source) []string {
	t.Helper()
	var out []string
	buf := make([]byte, ChunkSize)
	var r Record
	for {
		lines, _, err := s.Next(buf)
		if err != nil && len(lines) == 0 {
			return out
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(lines), "\n"), "\n") {
			kind, fault := s.Layout.Parse([]byte(line), &r)
			switch kind {
			case Packet:
				out = append(out, describeRecord(&r))
			case Nothing:
				out = append(out, "nothing")
			case NoData:
				out = append(out, "no data")
			case SkipData:
				out = append(out, "skipped")
			case Faulty:
				out = append(out, "! "+fault.String())
			case KindInvalid:
				t.Fatalf("%q: no kind", line)
			}
		}
	}
}

func describeRecord(r *Record) string {
	text := r.Header().String()
	if r.AnyType {
		text += " of any type"
	}
	for _, p := range []struct {
		label string
		value []byte
	}{{"from", r.From}, {"to", r.To}, {"at", r.Interface}, {"in", r.VPC}} {
		if len(p.value) > 0 {
			text += " " + p.label + " " + string(p.value)
		}
	}
	if r.Flow {
		text += " row"
	}
	switch r.Observed {
	case Accepted:
		text += " accepted"
	case Rejected:
		text += " rejected"
	case NotObserved:
	}
	if r.Own {
		text += " own"
	}
	if r.HasFlags {
		text += " flags " + string(rune('0'+r.TCPFlags%10))
	}
	return text
}

func TestRead(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{
			"json", `{"src":"10.0.0.1","dst":"10.0.0.2","protocol":"tcp","sport":40000,"dport":443}
 { "dport" : 53 , "protocol" : 17 , "src" : "2001:db8::1" , "dst" : "2001:db8::2", "note": {"a": ["}\"", 1]}, "ok": true }
{"src":"10.0.0.1","dst":"10.0.0.2","protocol":"icmp","icmp_type":8,"icmp_code":0,"from":"aws_instance.web[\"a\"]","to":"internet"}
{"src":"10.0.0.1","dst":"::ffff:10.0.0.2","protocol":"esp"}

{"src":"10.0.0.1","dst":"10.0.0.2","protocol":"icmp"}
{"src":"10.0.0.1","dst":"10.0.0.2","protocol":"tcp"}
{"src":"10.0.0.1","dst":"db8::2","protocol":"tcp","dport":1}
{"src":"10.0.0.1","dst":"10.0.0.256","protocol":"tcp","dport":1}
{"src":"10.0.0.1","dst":"10.0.0.2","protocol":"tcp","dport":65536}
{"src":"10.0.0.1","dst":"10.0.0.2","protocol":"tcp","dport":1} x
[1]`,
			[]string{
				"tcp 10.0.0.1:40000 > 10.0.0.2:443", "udp [2001:db8::1]:32768 > [2001:db8::2]:53",
				`icmp 10.0.0.1 > 10.0.0.2 type 8 code 0 from aws_instance.web["a"] to internet`, "50 10.0.0.1 > 10.0.0.2", "nothing",
				"icmp 10.0.0.1 > 10.0.0.2 type 0 code 0 of any type", "! the destination port is missing", "! its addresses are of two families",
				"! the destination address is no IPv4 or IPv6 address", "! the destination port is no number in its range",
				"! it is no JSON object on one line", "! it is no JSON object on one line",
			},
		},
		{
			"csv", "\xef\xbb\xbfsrc,dst,Protocol,sport,dport,from\r\n10.0.0.1,10.0.0.2,tcp,1,2,\"web \"\"a\"\", b\"\r\n10.0.0.1,10.0.0.2,udp,1\r\n\"10.0.0.1,\r\n10.0.0.1,10.0.0.2,6,,80,-\r\nsrc,dst,Protocol,sport,dport,from\r\n",
			[]string{
				"nothing", `tcp 10.0.0.1:1 > 10.0.0.2:2 from web "a", b`, "! it has not as many fields as the header", "! a quoted field does not end",
				"tcp 10.0.0.1:32768 > 10.0.0.2:80", "nothing",
			},
		},
		{
			"default flow log without a header", "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n" +
				"2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA\n" +
				"2 123456789010 eni-11111111aaaaaaaaa - - - - - - - 1431280876 1431280934 - SKIPDATA\n" +
				"2 123456789010 eni-1235b8ca123456789 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 REJECT OK\n" +
				"2 123456789010 eni-1 2001:db8:1234:a100:8d6e:3477:df66:f105 2001:db8:1234:a102:3304:8879:34cf:4071 34892 22 6 54 8855 1477913708 1477913820 ACCEPT OK\n" +
				"2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1 1 DROP OK\n2 123456789010\n",
			[]string{
				"tcp 172.31.16.139:20641 > 172.31.16.21:22 at eni-1235b8ca123456789 row accepted", "no data", "skipped",
				"icmp 203.0.113.12 > 172.31.16.139 type 0 code 0 of any type at eni-1235b8ca123456789 row rejected",
				"tcp [2001:db8:1234:a100:8d6e:3477:df66:f105]:34892 > [2001:db8:1234:a102:3304:8879:34cf:4071]:22 at eni-1 row accepted",
				"! the action is neither ACCEPT nor REJECT", "! it has not as many fields as the header",
			},
		},
		{
			"CloudWatch", "2019-08-10T00:00:00.000Z 2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n",
			[]string{"tcp 172.31.16.139:20641 > 172.31.16.21:22 at eni-1 row accepted"},
		},
		{
			"custom flow log", "version vpc-id srcaddr dstaddr srcport dstport protocol tcp-flags pkt-srcaddr pkt-dstaddr action traffic-path\n" +
				"5 vpc-1 52.213.180.42 10.0.0.62 43416 5001 6 2 52.213.180.43 10.0.0.63 ACCEPT 1\n" +
				"5 vpc-1 52.213.180.42 10.0.0.62 43416 5001 6 2 - - ACCEPT 1\n5 vpc-1 52.213.180.42 10.0.0.62 43416 5001 6 2 - - ACCEPT 1 2\n",
			[]string{
				"nothing", "tcp 52.213.180.43:43416 > 10.0.0.63:5001 in vpc-1 row accepted own flags 2",
				"tcp 52.213.180.42:43416 > 10.0.0.62:5001 in vpc-1 row accepted flags 2", "! it has not as many fields as the header",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, describe(t, source(t, tt.text))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "there is nothing in it",
		"[{}]":                     "a JSON list: write one object a line (jq -c '.[]')",
		"hello world":              "neither a header nor a row of the default format: " + wanted,
		"a,b\n":                    "no column holds the source address: " + wanted,
		"src,source,dst,protocol,": "two columns hold the source address",
		"src,\"dst":                "the header line has a quote that does not end",
		"PAR1":                     "Parquet is read from a file of its own, not from a stream or from inside gzip",
		"\x1f\x8bxxxxxxxxxxxx":     "the gzip header is broken",
	} {
		_, err := Open(strings.NewReader(text), nil, 0)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// Addresses are read as the standard library reads them.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"10.0.0.1", "01.2.3.4", "1.2.3", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1::2::3", "fe80::1%eth0", "::1.2.3.4.5", "12345::", ":1", "1:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := netip.ParseAddr(s)
		got, ok := address([]byte(s))
		if wantOK := err == nil && want.Zone() == ""; ok != wantOK || ok && got != want.Unmap() {
			t.Errorf("%q: %v %v, want %v %v", s, got, ok, want, err)
		}
	})
}
