package trace

import (
	"net/netip"

	"github.com/postern-dev/postern/ir"
)

// ends says how the two ends of a query hold the header's addresses.
type ends struct {
	from, to slot
	// dst is the address that the far end holds: the header's, or behind a
	// NAT64 address the IPv4 one.
	dst netip.Addr
	// through lists the load balancers that may hold the header's destination,
	// where the far end does not.
	through []passage
	// kept: the source is that of somebody behind the sender.
	kept bool

	message, code string // why this is no flow
}

func (e *ends) refuse(message, code string) { e.message, e.code = message, code }

// ends checks that the query is a flow between its two ends.
func (w *walk) ends(e *ends) {
	q := &w.q
	switch {
	case !q.Header.Valid():
		e.refuse("not a header: its addresses are of two families, or it has fields that its protocol lacks", "")
	case q.From == nil && q.To == nil:
		e.refuse("neither end is in the network", "")
	case q.From == q.To:
		e.refuse("an interface that sends to itself uses no network", "")
	default:
		w.sender(e)
		if e.message == "" && q.To != nil {
			w.receiver(e)
		}
	}
}

func (w *walk) sender(e *ends) {
	q := &w.q
	if q.From == nil {
		return
	}
	var ok bool
	e.from, ok = holds(w.n, q.From, q.Header.Src)
	switch {
	case q.From.Kind == ir.InterfaceEndpoint:
		e.refuse("the interface of a VPC endpoint answers flows and begins none", "VPCE_INTRA_VPC_TRAFFIC")
	case ok && !e.from.public:
		e.kept = keepsAlways(q.From) && !surelyOwn(q.From, q.Header.Src)
	case q.From.Kind == ir.InterfaceConnectEndpoint:
		e.from, e.kept = slot{}, true
	default:
		e.refuse(q.Header.Src.String()+" is no address of "+interfaceName(q.From), "ENI_ADDRESS_RESTRICTION")
	}
}

func keepsAlways(i *ir.Interface) bool {
	return i.Kind == ir.InterfaceConnectEndpoint && i.PreserveClient.Known() && i.PreserveClient.V
}

func surelyOwn(i *ir.Interface, a netip.Addr) bool {
	for k := range i.Addresses {
		if p := &i.Addresses[k].Private; p.Known() && p.V == a {
			return true
		}
	}
	return false
}

// sends asks whether an Instance Connect endpoint sends from the header's source
// at all. [eice-security-groups]
func (w *walk) sends(e *ends) bool {
	i := w.q.From
	if i == nil || i.Kind != ir.InterfaceConnectEndpoint || w.bare {
		return true
	}
	p := &i.PreserveClient
	if p.Known() {
		return p.V == e.kept ||
			w.refuseEnds(interfaceName(i)+keptText(p.V)+": it does not send from "+w.q.Header.Src.String(), "ENI_ADDRESS_RESTRICTION")
	}
	return w.doubt(i, "not known to preserve the client's address", placeOf(&i.Origin, ir.FieldInvalid), p.Why)
}

func keptText(kept bool) string {
	if kept {
		return " preserves the client's address"
	}
	return " does not preserve the client's address"
}

func (w *walk) receiver(e *ends) {
	q := &w.q
	e.dst = q.Header.Dst
	if q.From != nil && nat64.Contains(e.dst) {
		e.dst = embedded(e.dst)
	}
	var ok bool
	e.to, ok = holds(w.n, q.To, e.dst)
	if ok {
		return
	}
	e.through = w.passages(e.dst)
	switch {
	case len(e.through) > 0:
	case q.From == nil && onInternet(e.dst) && e.dst.Is4():
		e.refuse(noPublicAddress(q.To, q.Header.Dst), "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS")
	default:
		e.refuse(q.Header.Dst.String()+" is no address of "+interfaceName(q.To), "NO_POSSIBLE_DESTINATION")
	}
}
