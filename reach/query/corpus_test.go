package query_test

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/query"
	"github.com/postern-dev/postern/reach/trace"
)

// Flows of public exports, judged by hand from the files: one packet each, its
// reply with it. A line is from, to, header, verdict and the reason; the header
// takes ,sport= and ,dst= behind it. Where ~trace or ~reach stands behind a
// verdict, that side knows less, and may say unknown as well.
func TestCorpus(t *testing.T) {
	root := os.Getenv("POSTERN_CORPUS")
	if root == "" {
		t.Skip("POSTERN_CORPUS is not set")
	}
	for _, s := range judged {
		t.Run(filepath.Base(s.path), func(t *testing.T) {
			n := exportNetwork(t, filepath.Join(root, s.path))
			m, err := reach.Compile(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			named := map[string]string{}
			for f := range strings.FieldsSeq(s.ends) {
				name, id, _ := strings.Cut(f, "=")
				named[name] = id
			}
			for line := range strings.Lines(strings.TrimSpace(s.flows)) {
				f := strings.Fields(line)
				if len(f) < 5 {
					t.Fatalf("%q: a flow has five parts", line)
				}
				for i := range f[:2] {
					if id := named[f[i]]; id != "" {
						f[i] = id
					}
				}
				judgeFlow(t, m, line, corpusAsk(t, f[0], f[1], f[2]), f[3])
			}
		})
	}
}

// Every snapshot of the corpus that has routes is judged.
func TestCorpusWhole(t *testing.T) {
	root := os.Getenv("POSTERN_CORPUS")
	if root == "" {
		t.Skip("POSTERN_CORPUS is not set")
	}
	found := 0
	err := filepath.WalkDir(filepath.Join(root, "batfish+batfish"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "RouteTables.json" {
			return err
		}
		rel, err := filepath.Rel(root, path)
		found++
		if !slices.ContainsFunc(judged, func(s snapshot) bool { return strings.HasPrefix(filepath.ToSlash(rel), s.path+"/") }) {
			t.Errorf("%s: no flow of this snapshot is judged", rel)
		}
		return err
	})
	if err != nil || found == 0 {
		t.Fatalf("%d snapshots, %v", found, err)
	}
}

func exportNetwork(t *testing.T, path string) *ir.Network {
	t.Helper()
	in, err := parse.Load(context.Background(), []string{path}, parse.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Networks) != 1 {
		t.Fatalf("%d networks in %s", len(in.Networks), path)
	}
	return in.Networks[0]
}

func corpusAsk(t *testing.T, from, to, header string) endpoint.Ask {
	t.Helper()
	var a endpoint.Ask
	var errs [5]error
	parts := strings.Split(header, ",")
	a.From, errs[0] = endpoint.Parse(from)
	a.To, errs[1] = endpoint.Parse(to)
	a.Service, errs[2] = endpoint.ParseService(parts[0])
	for _, p := range parts[1:] {
		switch key, value, _ := strings.Cut(p, "="); key {
		case "dst":
			a.Dst, errs[3] = netip.ParseAddr(value)
		case "sport":
			port, err := strconv.ParseUint(value, 10, 16)
			a.SourcePort, a.SourcePortSet, errs[4] = uint16(port), true, err
		default:
			t.Fatalf("%s: unknown part %q", header, p)
		}
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// judgeFlow asks both judges about one flow.
func judgeFlow(t *testing.T, m *reach.Model, line string, a endpoint.Ask, verdict string) {
	t.Helper()
	want, coarse, _ := strings.Cut(verdict, "~")
	check := func(who string, got trace.Verdict) {
		if got.String() != want && (who != coarse || got != trace.Unknown) {
			t.Errorf("%s says %s: %s", who, got, line)
		}
	}
	flows, err := endpoint.Flows(m.Net, a)
	if err != nil || len(flows) != 1 {
		t.Fatalf("%d flows, %v: %s", len(flows), err, line)
	}
	check("trace", trace.Decide(m.Net, trace.Query{From: flows[0].From, To: flows[0].To, Header: flows[0].Header}))
	q := query.Question{Service: a.Service, Dst: a.Dst, SourcePort: a.SourcePort, SourcePortSet: a.SourcePortSet}
	for _, e := range []struct {
		expr endpoint.Expr
		ends *[]endpoint.End
	}{{a.From, &q.From}, {a.To, &q.To}} {
		if *e.ends, _, err = endpoint.Ends(m.Net, e.expr); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	}
	answer, err := query.Run(t.Context(), m, q)
	if err != nil {
		t.Fatal(err)
	}
	check("reach", answer.Verdict)
	for _, d := range answer.Disagreements {
		t.Errorf("%s: %s", d, line)
	}
}

// snapshot is one export. ends names its ends for the flows.
type snapshot struct{ path, ends, flows string }

const batfishTests = "batfish+batfish/projects/batfish/src/test/resources/org/batfish/"

var judged = []snapshot{
	{
		path: batfishTests + "representation/aws/test-subnet",
		ends: "one=i-07519d6ba3f9497e4 two=i-08ef86e76fceabd8d",
		flows: `
one       two             tcp/22           allow one subnet, no ACL; launch-wizard-2 takes tcp/22
two       one             tcp/22           allow one subnet; launch-wizard-1 takes tcp/22
one       two             tcp/22,sport=500 allow groups do not read the client port; no ACL between
one       two             tcp/80           deny  no rule for port 80
one       two             icmp/8           deny  only tcp/22
two       one             udp/22           deny  the rule is tcp
one       two             esp              deny  no rule for protocol 50
internet  one             tcp/22           deny  no public address, the main table has local alone
one       8.8.8.8         tcp/443          deny  no route
10.99.0.9 one             tcp/22           deny  whatever brings it in, the answer has no route
one       169.254.169.254 tcp/80           allow IMDS is not filtered and not routed
two       one             tcp/80           deny  only tcp/22
two       one             icmp/8           deny  only tcp/22
one       two             tcp/21           deny  one below the rule
one       two             tcp/23           deny  one above the rule
two       one             47               deny  no rule for GRE
two       8.8.8.8         icmp/8           deny  no route
internet  two             tcp/22           deny  no public address, no route
one       10.11.0.5       tcp/22           deny  outside 10.10.0.0/16, no route
two       169.254.169.123 udp/123          allow Time Sync is not filtered`,
	},
	{
		path: batfishTests + "representation/aws/test-public-subnet",
		ends: "web=i-06669a407b2ef3ae5",
		flows: `
internet     web             tcp/22               allow public 18.216.80.133, 0.0.0.0/0 to the attached igw, ACL 100 allow, tcp/22
198.51.100.7 18.216.80.133   tcp/22               allow the same by addresses
internet     web             tcp/443              deny  group: only 22
internet     web             icmp/8               deny  group: only tcp/22
internet     web             udp/22               deny  group: the rule is tcp
internet     web             tcp/22,dst=10.0.0.91 deny  a private address is not reached over the internet
10.9.9.9     web             tcp/22               deny  private source, no vgw; the answer would go to the igw, which drops it
web          internet        tcp/443              allow egress all, igw, public address
web          8.8.8.8         udp/53               allow egress all
web          8.8.8.8         icmp/8               allow egress all; reply is tracked
web          8.8.8.8         esp                  allow egress all; reply tracked by protocol
web          192.168.5.5     tcp/22               deny  the igw drops private destinations
web          100.64.1.1      tcp/443              deny  the igw drops shared addresses
internet     web             tcp/21               deny  one below the rule
internet     web             tcp/23               deny  one above the rule
internet     web             esp                  deny  no rule for protocol 50
internet     web             tcp/22,sport=1023    allow the client port is not read, ACL 100 takes all back
web          172.31.0.5      tcp/443              deny  the igw drops private destinations
172.16.5.5   web             tcp/22               deny  private source, no vgw
web          169.254.169.254 tcp/80               allow IMDS`,
	},
	{
		path: batfishTests + "representation/aws/test-public-private-subnet",
		ends: "public=i-094a9e5b545a4fde4 private=i-099cf38911942421c",
		flows: `
internet    public      tcp/22                allow   13.58.55.60, igw, ACL allow, tcp/22
internet    public      tcp/80                deny    group: only 22
internet    private     tcp/22,dst=10.0.1.204 unknown no public address; 0.0.0.0/0 leads to the vgw, whose far side is not in the files
internet    private     tcp/443               deny    group: only 22, whatever the vgw brings
192.168.7.7 private     tcp/22                allow   by the attached vgw, answer 0.0.0.0/0 to the vgw
192.168.7.7 private     tcp/443               deny    group: only 22
192.168.7.7 private     icmp/8                deny    group: only tcp/22
192.168.7.7 public      tcp/22                deny    arrives by the vgw, but the answer's 0.0.0.0/0 is the igw
public      private     tcp/22                allow   local route, ACL allow, tcp/22
private     public      tcp/22                allow   local route, ACL allow, tcp/22
public      private     tcp/23                deny    group
private     public      udp/22                deny    group
private     8.8.8.8     tcp/443               allow   0.0.0.0/0 to the vgw; hosts behind it are outside
private     192.168.7.7 udp/53                allow   0.0.0.0/0 to the vgw
public      8.8.8.8     tcp/443               allow   igw, public address
public      192.168.7.7 tcp/22                deny    the igw drops private destinations; the vgw is not in this table
internet    public      icmp/8                deny    group: only tcp/22
private     192.168.7.7 icmp/8                allow   egress all, vgw, reply tracked
10.200.0.9  private     tcp/22                allow   outside 10.0.0.0/16, by the vgw
public      172.16.0.1  udp/53                deny    the igw drops private destinations
private     13.58.55.60 tcp/22,dst=13.58.55.60 unknown leaves by the vgw; whether what is behind it leads back by the igw is not in the files`,
	},
	{
		path: batfishTests + "main/snapshots/load_vendor_configurations",
		ends: "private=i-099cf38911942421c",
		flows: `
private     8.8.8.8         tcp/443               allow   0.0.0.0/0 to a vgw, State active (VpnGateways.json is missing; active means attached)
private     192.168.7.7     udp/53                allow   the same route
192.168.7.7 private         tcp/22                allow   in by the vgw, back by it
192.168.7.7 private         tcp/80                deny    group: only 22
192.168.7.7 private         icmp/8                deny    group: only tcp/22
internet    private         tcp/22,dst=10.0.1.204 unknown no public address; an internet address may come by the vgw
internet    private         tcp/443               deny    group
private     169.254.169.254 tcp/80                allow   IMDS
private     8.8.8.8         icmp/8                allow   egress all, vgw
private     8.8.8.8         udp/53                allow   egress all, vgw
private     8.8.8.8         esp                   allow   egress all, vgw
private     10.200.0.9      tcp/22                allow   outside 10.0.0.0/16: vgw
10.200.0.9  private         tcp/22                allow   by the vgw and back
192.168.7.7 private         tcp/22,sport=80       allow   the client port is not read
172.16.0.9  private         udp/22                deny    the rule is tcp
172.16.0.9  private         tcp/21                deny    one below the rule
172.16.0.9  private         tcp/23                deny    one above the rule
192.168.7.7 private         esp                   deny    no rule for protocol 50
8.8.8.8     private         udp/22,dst=10.0.1.204 deny    group, whatever the vgw brings
private     169.254.169.123 udp/123               allow   Time Sync`,
	},
	{
		path: batfishTests + "representation/aws/test-vpc-peering",
		ends: "hub=i-06ba034d88c84ef07 east=i-0b14080af811fda3d west=i-04a292ff83b3aa833",
		flows: `
hub        east            tcp/22  allow 192.168.1.0/24 to pcx-0b89 active, 10.10.0.0/16 back, ACLs allow, tcp/22
hub        west            tcp/22  allow 192.168.2.0/24 to pcx-0d5b active, back too
east       hub             tcp/22  allow 10.10.0.0/16 to pcx-0b89
west       hub             tcp/22  allow 10.10.0.0/16 to pcx-0d5b
east       west            tcp/22  deny  192.168.0.0/16 is local in the sender's VPC; peering is not transitive
west       east            tcp/22  deny  the same from the other side
hub        east            tcp/80  deny  group: only 22
hub        west            icmp/8  deny  group
east       hub             udp/22  deny  group
hub        east            esp     deny  group
east       8.8.8.8         tcp/443 deny  0.0.0.0/0 is a blackhole
hub        8.8.8.8         tcp/443 deny  no route
west       8.8.8.8         tcp/443 deny  no route
hub        172.16.9.9      tcp/22  deny  no route
internet   east            tcp/22  deny  no public address; 0.0.0.0/0 is a blackhole
internet   hub             tcp/22  deny  no public address, no route
172.16.9.9 hub             tcp/22  deny  the answer has no route
west       hub             icmp/8  deny  group
hub        west            udp/22  deny  group
internet   west            tcp/22  deny  no public address, no route
east       10.99.0.1       tcp/22  deny  0.0.0.0/0 is a blackhole
hub        169.254.169.254 tcp/80  allow IMDS`,
	},
	{
		path: batfishTests + "representation/aws/test-transit-gateway",
		ends: "east=i-0b14080af811fda3d hub=i-06ba034d88c84ef07 zone-a=i-075e846ed41670385",
		flows: `
east       hub          tcp/22                  unknown    route to the tgw, whose attachments and tables are not in the files
hub        east         tcp/22                  unknown    the same
zone-a     east         tcp/22                  unknown    the same (and us-east-2a shows no interface of the attachment)
east       hub          tcp/80                  deny       the target's group takes 22 alone, whatever the tgw does
hub        east         icmp/8                  deny       the target's group
zone-a     hub          tcp/22                  allow      local, ACL allow, tcp/22
hub        zone-a       tcp/22                  allow      local
zone-a     hub          tcp/80                  deny       group
internet   east         tcp/22                  allow      elastic 3.136.41.161, igw, tcp/22
internet   east         tcp/80                  deny       group
east       8.8.8.8      tcp/443                 allow      0.0.0.0/0 to the igw
hub        8.8.8.8      tcp/443                 deny       no default route
internet   hub          tcp/22                  deny       no public address; no route back to an internet address
172.16.0.9 east         tcp/22                  deny~reach the answer's route is the igw, which drops private destinations
172.16.0.9 hub          tcp/22                  deny~reach no route for the answer
hub        3.136.41.161 tcp/22,dst=3.136.41.161 deny       no route to the public address
east       8.8.8.8      icmp/8                  allow      elastic address, igw
east       172.16.0.9   tcp/22                  deny       0.0.0.0/0 is the igw, which drops private destinations
zone-a     8.8.8.8      tcp/443                 deny       no default route
internet   zone-a       tcp/22                  deny       no public address, no route back
hub        zone-a       icmp/8                  deny       group`,
	},
	{
		path: batfishTests + "representation/aws/test-vpc-endpoint-gateway",
		ends: "private=i-01c6c0647fdccc89e public=i-0464d440ca0ee9e34",
		flows: `
private    52.216.1.1 tcp/443   allow in pl-63a5400a (52.216.0.0/15) to the gateway endpoint
private    3.5.0.7    tcp/443   allow in pl-63a5400a (3.5.0.0/20)
private    3.5.24.1   tcp/443   deny  3.5.16.0/21 ends at 3.5.23.255; no default route
private    52.94.1.1  tcp/443   deny  DynamoDB's list is not routed here
private    8.8.8.8    tcp/443   deny  private subnet, no default route
private    52.216.1.1 icmp/8    allow a gateway endpoint carries ICMP echo
public     52.216.1.1 tcp/443   allow the longer prefix goes to the endpoint, not the igw
public     52.216.1.1 udp/443   deny  a gateway endpoint carries no UDP, and the igw is not asked
public     52.94.1.1  tcp/443   allow 0.0.0.0/0 to the igw
public     8.8.8.8    udp/53    allow 0.0.0.0/0 to the igw
internet   public     tcp/443   allow 18.206.223.222, igw, rule 443
internet   public     tcp/80    deny  no rule for 80
internet   public     icmp/8    allow rule icmp 8/0
internet   public     icmp/0    deny  rule is type 8
internet   public     udp/33534 allow rule udp 33434-33534
internet   public     udp/33535 deny  one above the rule
internet   private    tcp/22    deny  no public address, no igw route
public     private    tcp/22    allow local, ACL 1000 allow, rule 22
private    public     icmp/8    allow local, rule icmp 8/0
private    public     tcp/80    deny  group
52.216.1.1 private    tcp/443   deny  a gateway endpoint begins nothing; no public address
52.216.1.1 public     tcp/443   deny  comes by the igw, but the answer's longer prefix is the endpoint`,
	},
	{
		path: batfishTests + "representation/aws/test-load-balancer",
		ends: "public=i-0c8ce8bbdd98cc4e8 target1=i-055b0db7be365202c nlb1=eni-01f261dccaba46564 target2=i-0f4af951d61a19245 nlb2=eni-0c82d6f7254ae6695",
		flows: `
internet public          tcp/22                 allow   3.17.39.193, igw, rule 22
internet public          icmp/8                 allow   rule icmp 8/0
internet public          tcp/80                 deny    group
internet target1         tcp/22                 deny    private subnet, no public address
internet nlb1            tcp/80                 deny    an internal load balancer without public address or igw route
public   target1         tcp/22                 allow   local, tcp/22
public   target1         tcp/80                 deny    target's group: only 22
public   target1         icmp/8                 deny    target's group
target1  target2         tcp/22                 allow   local, both ACLs allow
target1  public          icmp/8                 allow   local, rule icmp 8/0
target1  8.8.8.8         tcp/443                deny    main table: local alone
public   8.8.8.8         tcp/443                allow   igw
target1  3.17.39.193     tcp/22,dst=3.17.39.193 deny    no route to a public address
public   nlb1            tcp/80                 unknown the NLB has no groups; its listeners are not in the files
target1  nlb2            tcp/80                 unknown the NLB has no groups; its listeners are not in the files
nlb1     target1         tcp/80                 deny    what the NLB sends on is stopped by the target's group (22 alone)
target2  target1         tcp/22                 allow   local, both ACLs allow
internet public          udp/33434              deny    no rule
public   target2         tcp/443                deny    group: only 22
target2  8.8.8.8         udp/53                 deny    main table: local alone
internet nlb2            tcp/80                 deny    internal load balancer, no public address
target1  169.254.169.254 tcp/80                 allow   IMDS`,
	},
	{
		path: "duo-labs+cloudmapper/account-data/demo",
		ends: "bastion=i-00000000000000000 web1=i-00000000000000001 web2=i-00000000000000002",
		flows: `
bastion  web1    tcp/8000           unknown sg-4 takes 8000 from sg-2; ACLs and route tables are not in the files
bastion  web1    tcp/22             deny    sg-4 takes 8000 alone
internet bastion tcp/443            deny    sg-2 takes 22 alone
1.1.1.1  bastion tcp/22             unknown sg-2 takes it; route and ACL are not in the files
2.2.2.9  bastion tcp/22             unknown 2.2.2.2/28 is 2.2.2.0-15
2.2.2.16 bastion tcp/22,dst=1.2.3.4 deny    one above 2.2.2.0/28
internet web1    tcp/8000           deny    sg-4 takes sg-2 and sg-3 alone
web1     web2    tcp/8000           deny    sg-4 does not name itself
bastion  8.8.8.8 tcp/443            unknown egress all; the route is not in the files`,
	},
	{
		path: "np-guard+vpc-network-config-analyzer/pkg/awsvpc/examples/input/input_aws_acl_1.json",
		ends: "wl20=10.240.3.195 wl21=10.240.3.176 proxy1=10.240.0.9 wl11=10.240.1.114 proxy2=10.240.2.24 wl10=10.240.1.227",
		flows: `
wl20            wl21   tcp/80            allow      one subnet, group takes all
proxy1          wl11   tcp/80            unknown    both ACLs allow; no route tables in the file
proxy1          proxy2 tcp/22            unknown    by the local route the ACLs deny; the route tables, and with them a NAT gateway or appliance on the way, are not in the files
proxy1          proxy2 tcp/22,sport=9080 unknown    then the answer passes; no route tables
proxy2          proxy1 tcp/9081          deny~trace out on 9080 alone
proxy2          wl11   tcp/80            deny~trace entry 20 denies
wl20            wl10   tcp/80            unknown    by the local route the ACLs deny; the route tables, and with them a NAT gateway or appliance on the way, are not in the files
8.8.8.8         proxy1 tcp/22            unknown    by the local route the ACLs deny; the route tables, and with them a NAT gateway or appliance on the way, are not in the files
147.235.208.136 proxy1 tcp/22            unknown    acl0 and group take it; no route tables`,
	},
	{
		path: "np-guard+vpc-network-config-analyzer/pkg/awsvpc/examples/input/input_aws_sg_1.json",
		ends: "proxy=10.240.10.42 app1=10.240.20.245 db=10.240.30.33 app2=10.240.20.43",
		flows: `
proxy    app1  tcp/9080 unknown app takes 9080 from the proxy's group; no route tables
app1     db    udp/53   deny    app's egress is tcp
app1     db    tcp/5432 unknown groups agree; no route tables
db       app1  tcp/9080 deny    db has no egress
app1     app2  tcp/9080 deny    one subnet; app's egress goes to db alone
internet proxy tcp/22   unknown group takes all, public 1.0.0.0; no route tables
proxy    app1  tcp/80   unknown all is let in from 10.240.40.0/24, where a NAT gateway of the route tables that are not in the file may stand
internet db    tcp/5432 unknown all is let in from 10.240.40.0/24, where a NAT gateway of the route tables that are not in the file may stand`,
	},
}
