package rules

import (
	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

var publicIPWithoutNeed = &Rule{
	ID: "public-ip-without-need", Title: "A public address that nothing uses", Severity: diag.Low, Off: true,
	Doc: Doc{
		What: "An interface has a public IPv4 address, and provably no packet of the internet gets in or out by it.",
		Why:  "The address costs money, and one change to a group, an ACL or a route makes the interface public.",
		Fix:  "Take the address away.",
		Bad:  publicHost(""),
		Good: publicHost(`
  egress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
`),
		References: []string{"Security Hub EC2.9"},
	},
	Run: needlessPublicIPs,
}

func needlessPublicIPs(p *Pass) error {
	if len(p.Net.Indirect) > 0 {
		return nil // something outside the route tables may bring traffic: nothing is proved
	}
	for _, i := range p.Net.Interfaces {
		a := publicAddress(i)
		if a == nil || i.Kind == ir.InterfaceNATGateway || i.Hypothetical {
			continue
		}
		used, err := usesInternet(p, i)
		if err != nil {
			return err
		}
		if used {
			continue
		}
		place := i.Origin.Place("the public address")
		if !a.Public.Place.Range.IsZero() {
			place.Range = a.Public.Place.Range
		}
		p.Report(diag.Finding{
			Place:   place,
			Message: "nothing on the internet gets in or out by the public address of " + interfaceName(i),
			Why:     "its groups, the ACL of its subnet or the routes stop every packet, in both directions",
			Fix:     diag.Fix{Text: "take the address away"},
			Account: i.Home.Account, Region: i.Home.Region,
			Key: "public address without need",
		})
	}
	return nil
}

// publicAddress returns the first address that surely has a public one.
func publicAddress(i *ir.Interface) *ir.Address {
	for k := range i.Addresses {
		if e := i.Addresses[k].Public.Exists; e.Known() && e.V && i.Addresses[k].Maybe == nil {
			return &i.Addresses[k]
		}
	}
	return nil
}

// usesInternet reports whether any packet may pass between an interface and the
// IPv4 internet.
func usesInternet(p *Pass, i *ir.Interface) (bool, error) {
	s, inet := p.Model.Space(packet.IPv4), p.Model.Internet(packet.IPv4)
	in, err := p.Model.Flow(p.Context, nil, i, packet.IPv4)
	if err != nil {
		return false, err
	}
	if s.Intersect(in.Forward.May, inet) != solver.Empty {
		return true, s.Err()
	}
	out, err := p.Model.Flow(p.Context, i, nil, packet.IPv4)
	if err != nil {
		return false, err
	}
	for b := range s.Boxes(s.Project(out.Forward.May, packet.FieldSrc)) {
		b.Src, b.Dst = b.Dst, b.Src
		b.SrcPort = solver.Interval{Lo: 0, Hi: 65535}
		if apart, err := s.Disjoint(s.Of(b), inet); err != nil || !apart {
			return true, err
		}
	}
	return false, s.Err()
}
