package awsapi

import (
	"strconv"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// buildPrefixLists reads customer and AWS prefix lists. The entries of a
// managed list come from a call of their own, whose answer does not say which
// list it is about: the file name or a wrapper does.
func (b *builder) buildPrefixLists() {
	for _, o := range b.objects[recordPrefixList] {
		l := &ir.PrefixList{ID: o.id, Name: o.get("PrefixListName").str(), Home: o.home, Origin: o.origin()}
		l.AWS = strings.HasPrefix(l.Name, "com.amazonaws.") || o.get("OwnerId").str() == "AWS"
		l.Max, _ = o.get("MaxEntries").int()
		switch o.get("AddressFamily").peek() {
		case "IPv4":
			l.Family = packet.IPv4
		case "IPv6":
			l.Family = packet.IPv6
		}
		b.addPrefixList(l)
		cidrs, entries := o.get("Cidrs"), o.get("Entries")
		if !cidrs.ok() && !entries.ok() {
			l.Open = b.missing(ir.KindInvalid, "the entries of "+l.ID, o.home, o.main())
			continue
		}
		b.addEntries(l, cidrs)
		b.addEntries(l, entries)
	}
	for _, o := range b.objects[recordPrefixEntries] {
		r := o.parts[0]
		id := r.of
		if id == "" {
			id = r.hint.id
		}
		if id == "" {
			b.omit("Entries", r.value, "entries of a prefix list that is not named: put its id (pl-...) into the file name")
			continue
		}
		l, ok := b.prefixLists.find(id, o.home)
		if !ok {
			l = &ir.PrefixList{ID: id, Home: o.home, Origin: ir.Origin{Address: id, Range: r.place(), Block: r.place()}}
			b.addPrefixList(l)
		}
		l.Open = nil
		if r.partial {
			l.Open = b.missing(ir.KindInvalid, "the rest of "+id, o.home, r.value)
		}
		b.addEntries(l, r.value)
	}
}

func (b *builder) addPrefixList(l *ir.PrefixList) {
	b.prefixLists.add(l.ID, l.Home, l)
	b.net.PrefixLists = append(b.net.PrefixLists, l)
}

// addEntries takes CIDRs, as strings or as {"Cidr": ...}.
func (b *builder) addEntries(l *ir.PrefixList, entries value) {
	for e := range entries.items() {
		c := valueOf(e.get("Cidr"), e)
		f := l.Family
		if f == packet.FamilyInvalid {
			f = guessFamily(c.peek())
		}
		p := b.cidr(c, f, l.ID)
		if p.Unknown != nil {
			l.Open = p.Unknown
			continue
		}
		l.Family = f
		l.CIDRs = append(l.CIDRs, p.CIDR)
	}
}

func guessFamily(cidr string) packet.Family {
	for _, c := range cidr {
		if c == ':' {
			return packet.IPv6
		}
	}
	return packet.IPv4
}

// prefixList returns the list that a rule or route refers to, or an open one.
func (b *builder) prefixList(ref value, home ir.Home, address string) ir.Peer {
	id := ref.str()
	if id == "" {
		return ir.Peer{Unknown: b.invalid(ref, address, strconv.Quote(ref.text())+" is no prefix list id", "whom the rule is for is unknown", "")}
	}
	if l, ok := b.prefixLists.find(id, home); ok {
		return ir.Peer{PrefixList: l}
	}
	l := &ir.PrefixList{
		ID: id, Home: home, Open: b.missing(ir.KindPrefixList, id, home, ref), Origin: ir.Origin{Address: id, Range: ref.place()},
	}
	b.addPrefixList(l)
	return ir.Peer{PrefixList: l}
}
