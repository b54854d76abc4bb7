package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/pairs"
	"github.com/postern-dev/postern/reach/query"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

var pathToData = &Rule{
	ID: "path-to-data", Title: "A way from the internet to a database", Severity: diag.Critical,
	Doc: Doc{
		What: "A chain of flows leads from the internet through one or more interfaces to a database or cache, and one of them is for administration or takes every port, or the first goes round the load balancer of the interface that it arrives at. " +
			"The front door, from a listener to a target to its database, is how applications are built: it is not reported.",
		Why: "Whoever logs in to the first machine stands next to the data. Each rule on the way may look harmless by itself.",
		Fix: "Close the first door to the internet, or let the machine behind it no further.",
		Bad: dataBehind(`
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
`),
		Good: dataBehind(`
  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
`),
		References: []string{"PCI DSS v4.0 1.4.2"},
	},
	Run: pathsToData,
}

// dataBehind is a public instance with one block in its group, and the database
// that it uses.
func dataBehind(block string) string {
	return publicNetwork + `
resource "aws_subnet" "data" {
  count      = 2
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.${count.index + 2}.0/24"
}

resource "aws_security_group" "web" {
  vpc_id = aws_vpc.main.id
` + block + `
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "db" {
  vpc_id = aws_vpc.main.id

  ingress {
    from_port       = 5432
    to_port         = 5432
    protocol        = "tcp"
    security_groups = [aws_security_group.web.id]
  }
}

resource "aws_instance" "web" {
  subnet_id                   = aws_subnet.public.id
  vpc_security_group_ids      = [aws_security_group.web.id]
  associate_public_ip_address = true
}

resource "aws_db_subnet_group" "data" {
  subnet_ids = aws_subnet.data[*].id
}

resource "aws_db_instance" "main" {
  instance_class         = "db.t4g.micro"
  engine                 = "postgres"
  db_subnet_group_name   = aws_db_subnet_group.data.name
  vpc_security_group_ids = [aws_security_group.db.id]
}
`
}

// doors are the services whose user has the machine: those that administer it.
func doors() []service {
	var all []service
	for _, c := range categories() {
		if c.rule == "internet-ssh" || c.rule == "internet-rdp" || c.rule == "internet-admin" {
			all = append(all, c.services...)
		}
	}
	return all
}

// opensDoor reports whether services have one that administers a machine.
func opensDoor(s pairs.Services) bool {
	return slices.ContainsFunc(doors(), func(v service) bool { return s.Has(v.protocol, v.lo) })
}

func pathsToData(p *Pass) error {
	if !slices.ContainsFunc(p.Net.Interfaces, holdsData) {
		return nil
	}
	var graph *query.Graph
	behind := behindBalancers(p.Net)
	for _, i := range p.Net.Interfaces {
		if holdsData(i) {
			continue // directly exposed: internet-database
		}
		e, err := entryOf(p, i)
		if err != nil {
			return err
		}
		if e == nil {
			continue
		}
		if graph == nil {
			if graph, err = query.NewGraph(p.Context, p.Model, opensDoor); err != nil {
				return err
			}
		}
		lb := behind[i]
		steps, more, err := graph.Onward(p.Context, i, e.door || lb != nil, holdsData)
		if err != nil {
			return err
		}
		if len(steps) > 0 {
			reportPath(p, e, lb, steps, more)
		}
	}
	return nil
}

// behindBalancers maps interfaces to a load balancer that sends flows to them.
func behindBalancers(n *ir.Network) map[*ir.Interface]*ir.Interface {
	of := map[*ir.Interface]*ir.Interface{}
	for _, lb := range n.Interfaces {
		if lb.Services == nil {
			continue
		}
		for _, s := range lb.Services.Ports {
			if s.Forward == nil {
				continue
			}
			for _, t := range s.Forward.Targets {
				if t.Interface != nil && of[t.Interface] == nil {
					of[t.Interface] = lb
				}
			}
		}
	}
	return of
}

// entry is an interface that everyone on the internet gets to.
type entry struct {
	iface   *ir.Interface
	family  packet.Family
	header  packet.Header
	door    bool // by a service that administers it, or by every port
	certain diag.Certainty
	rule    *ir.Rule // that lets the header in; nil when none does
	because []diag.Cause
}

// entryOf finds how everyone on the internet gets to an interface, by a service
// that administers it if there is one; nil when nobody does.
func entryOf(p *Pass, i *ir.Interface) (*entry, error) {
	var found *entry
	for _, f := range packet.Families {
		x, err := p.Model.Exposure(p.Context, i, f)
		if err != nil {
			return nil, err
		}
		s := p.Model.Space(f)
		var admin []solver.Box
		for _, v := range doors() {
			admin = append(admin, v.box(f))
		}
		for _, try := range []struct {
			open    solver.Set
			certain diag.Certainty
		}{{x.Mostly, diag.Definite}, {x.Open.Ground, diag.Possible}} {
			everyone := s.Intersect(p.Model.Everyone(f, try.open), try.open, p.Model.Internet(f))
			for _, door := range []bool{true, false} {
				set := everyone
				if door {
					set = s.Intersect(everyone, s.Of(admin...))
				}
				e := &entry{iface: i, family: f, door: door, certain: try.certain}
				var ok bool
				if e.header, ok = entryHeader(s, x, set, try.certain); !ok {
					continue
				}
				if found == nil || e.better(found) {
					found = e
					e.rule = admitting(p, i, f, e.header)
					if e.certain == diag.Possible {
						e.because = causes(p.Model, &opening{family: f}, exposed{exposure: x, services: set})
					}
				}
			}
		}
	}
	return found, nil
}

// better: a sure way in before a possible one, and of those one that gives the
// machine.
func (e *entry) better(o *entry) bool {
	if e.certain != o.certain {
		return e.certain == diag.Definite
	}
	return e.door && !o.door
}

// entryHeader picks a packet of an open set that a client can send: one whose
// reply comes back where there is one.
func entryHeader(s *solver.Space, x *reach.Exposure, set solver.Set, certain diag.Certainty) (packet.Header, bool) {
	forward, complete := x.Flow.Forward.Must, x.Flow.Complete.Must
	if certain == diag.Possible {
		forward, complete = x.Flow.Forward.Ground, x.Flow.Complete.Ground
	}
	for _, of := range []solver.Set{complete, forward} {
		if h, ok, err := s.Witness(set, of); err == nil && ok {
			return h, true
		}
	}
	return packet.Header{}, false
}

// admitting is the rule of an interface's groups that lets a header in.
func admitting(p *Pass, i *ir.Interface, f packet.Family, h packet.Header) *ir.Rule {
	s := p.Model.Space(f)
	for _, r := range groupRules(i, true) {
		if in, err := s.Contains(reach.RuleBand(s, reach.RequestView(false), r.rule, nil).Ground, h); err == nil && in {
			return r.rule
		}
	}
	return nil
}

func reportPath(p *Pass, e *entry, lb *ir.Interface, steps []query.Step, more int) {
	data := steps[len(steps)-1].To
	place := e.iface.Origin.Place("everyone on the internet gets to it")
	if e.rule != nil {
		place = e.rule.Origin.Place(fmt.Sprintf("anyone on %s may send %s to %s", familyWord(e.family), serviceOf(e.header), e.iface.Resource))
	}
	first := diag.Hop{From: "internet", To: e.iface.Resource, Protocol: packet.ProtocolName(int16(e.header.Protocol)), Port: portOf(e.header), Places: []diag.Place{{Address: place.Address, Range: place.Range}}}
	f := diag.Finding{
		Certainty: e.certain, Family: e.family, Place: place,
		Path:    []diag.Hop{first},
		Account: data.Home.Account, Region: data.Home.Region, Because: e.because,
		Witness: &diag.Witness{Header: e.header, SrcOf: "internet", DstOf: e.iface.Resource, Representative: !addressKnown(e.iface, e.header)},
		Key:     "internet to " + data.Resource,
	}
	for _, s := range steps {
		hop := diag.Hop{From: s.From.Resource, To: s.To.Resource, Protocol: packet.ProtocolName(int16(s.Header.Protocol)), Port: portOf(s.Header)}
		for _, h := range s.Result.Forward.Hops {
			if h.SGRule != nil && h.Stage == trace.StageSGIngress {
				hop.Places = append(hop.Places, diag.Place{Address: h.SGRule.Origin.Address, Range: h.Place.Range})
			}
		}
		f.Path = append(f.Path, hop)
	}
	f.Message = fmt.Sprintf("%s from the internet leads to %s %s in %d hops", doorWords(e, lb), dataWord(data), data.Resource, len(f.Path))
	if more > 0 {
		f.Message += fmt.Sprintf(", and to %d more", more)
	}
	f.Why = whyPath(e, lb, steps)
	f.Fix = diag.Fix{Text: fixPath(e, lb)}
	if v := vpcOf(data); v != nil {
		f.VPC = vpcName(v)
	}
	p.Prove(f, Proof{
		Query: trace.Query{To: e.iface, Header: e.header},
		Expect: func(r trace.Result) bool {
			v := r.Verdict
			if e.header.Protocol != packet.TCP {
				v = r.Forward.Verdict
			}
			return v == trace.Allow || e.certain == diag.Possible && v == trace.Unknown
		},
	})
}

// doorWords says by what the internet gets in.
func doorWords(e *entry, lb *ir.Interface) string {
	for _, c := range categories() {
		if name := c.name(e.header); name != "" && !c.whole && e.door {
			return name
		}
	}
	if lb != nil {
		return serviceOf(e.header) + " round " + lb.Resource
	}
	return serviceOf(e.header)
}

func dataWord(i *ir.Interface) string {
	if i.Kind == ir.InterfaceCache {
		return "cache"
	}
	return "database"
}

func whyPath(e *entry, lb *ir.Interface, steps []query.Step) string {
	data := steps[len(steps)-1].To
	name := e.iface.Resource
	who := "whoever logs in to " + name + " can go on to the " + dataWord(data)
	switch {
	case !e.door && lb != nil:
		who = fmt.Sprintf("%s is a target of %s, and the internet gets to it without that", name, lb.Resource)
	case !e.door:
		who = "a service of the way administers a machine, and from there the " + dataWord(data) + " is open"
	}
	for _, s := range steps {
		if h := s.Header; h.Kind() == packet.Ported && h.SrcPort < 1024 {
			return fmt.Sprintf("%s; the replies of %s come back to client port %d, which an attacker can pick", who, s.To.Resource, h.SrcPort)
		}
	}
	return who + "; no ACL or route on the way says no, in either direction"
}

func fixPath(e *entry, lb *ir.Interface) string {
	peer := "the internet"
	if e.rule != nil {
		peer = peerWords(&e.rule.Peer)
	}
	switch {
	case lb != nil && !e.door:
		return fmt.Sprintf("name the group of %s in place of %s", lb.Resource, peer)
	case strings.HasPrefix(serviceOf(e.header), "tcp/22"):
		return fmt.Sprintf("put your own addresses in place of %s, or close the port and use Session Manager", peer)
	}
	return fmt.Sprintf("put the addresses of those who need it in place of %s", peer)
}
