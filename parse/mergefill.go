package parse

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/postern-dev/postern/ir"
)

// fill gives an object what another description of it knows and its own leaves
// open. The model is plain data, so this goes by the types of fields: values,
// choices and sets that are unknown, texts and lists that are empty. A list that
// may hold more (rules, entries, routes, CIDRs) goes with what says so.
func fill(to, from reflect.Value) {
	for i := range to.NumField() {
		t, f := to.Field(i), from.Field(i)
		field := to.Type().Field(i).Name
		switch {
		case field == "Origin" || field == "Open" || field == "More" || t.Type() == reflect.TypeFor[*ir.Unknown]():
		case field == "Seen" || field == "Default":
			t.SetBool(t.Bool() || f.Bool())
		case field == "Home":
			fill(t, f)
		case t.Kind() == reflect.Struct && t.FieldByName("Why").IsValid() && t.FieldByName("V").IsValid():
			if !t.FieldByName("Why").IsNil() && f.FieldByName("Why").IsNil() {
				t.Set(f)
			}
		case t.Kind() == reflect.Struct && t.FieldByName("Of").IsValid():
			if !settled(t) && settled(f) {
				t.Set(f)
			}
		case t.Kind() == reflect.Struct && t.FieldByName("Sure").IsValid():
			if !t.FieldByName("Open").IsNil() && f.FieldByName("Open").IsNil() {
				t.Set(f)
			}
		case t.Kind() == reflect.Bool || listed[field]:
		case t.IsZero():
			t.Set(f)
		}
	}
	fillLists(to.Addr().Interface(), from.Addr().Interface())
}

// settled reports whether a choice is known.
func settled(c reflect.Value) bool {
	return c.FieldByName("Of").Len() == 1 && c.FieldByName("Open").IsNil()
}

// listed are the lists that something else says the end of.
var listed = map[string]bool{
	"Ingress": true, "Egress": true, "Entries": true, "Routes": true, "CIDRs": true, "IPv4": true, "IPv6": true, "Attachments": true, "Tables": true,
}

// fillLists takes a whole list for one that may hold more.
func fillLists(to, from any) {
	switch t := to.(type) {
	case *ir.VPC:
		if f, _ := from.(*ir.VPC); t.More != nil && (f.More == nil || len(t.IPv4)+len(t.IPv6) == 0) {
			t.IPv4, t.IPv6, t.More = f.IPv4, f.IPv6, f.More
		}
	case *ir.SecurityGroup:
		if f, _ := from.(*ir.SecurityGroup); t.Open != nil && (f.Open == nil || len(t.Ingress)+len(t.Egress) == 0) {
			t.Ingress, t.Egress, t.Open = f.Ingress, f.Egress, f.Open
		}
	case *ir.NetworkACL:
		if f, _ := from.(*ir.NetworkACL); t.Open != nil && (f.Open == nil || len(t.Entries) == 0) {
			t.Entries, t.Open = f.Entries, f.Open
		}
	case *ir.RouteTable:
		if f, _ := from.(*ir.RouteTable); t.Open != nil && (f.Open == nil || len(t.Routes) == 0) {
			t.Routes, t.Open = f.Routes, f.Open
		}
	case *ir.PrefixList:
		if f, _ := from.(*ir.PrefixList); t.Open != nil && (f.Open == nil || len(t.CIDRs) == 0) {
			t.CIDRs, t.Open = f.CIDRs, f.Open
		}
	case *ir.TransitGateway:
		if f, _ := from.(*ir.TransitGateway); t.Attachments == nil {
			t.Attachments, t.Tables = slices.Clone(f.Attachments), slices.Clone(f.Tables)
		}
	}
}

// rewriter puts the objects that stand for others in their places, wherever the
// model points at them.
type rewriter struct {
	same map[any]any
	done map[any]bool
}

func (r rewriter) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return
		}
		for o := r.same[v.Interface()]; o != nil; o = r.same[v.Interface()] {
			v.Set(reflect.ValueOf(o))
		}
		if o := v.Interface(); !r.done[o] {
			r.done[o] = true
			r.value(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				r.value(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			r.value(v.Index(i))
		}
		if v.Type().Elem().Kind() == reflect.Pointer && v.CanSet() {
			r.once(v)
		}
	}
}

// once takes repetitions out of a list of objects: two of its names were one.
func (r rewriter) once(v reflect.Value) {
	seen := map[any]bool{}
	out := reflect.MakeSlice(v.Type(), 0, v.Len())
	for i := range v.Len() {
		if o := v.Index(i); !seen[o.Interface()] {
			seen[o.Interface()] = true
			out = reflect.Append(out, o)
		}
	}
	if out.Len() < v.Len() {
		v.Set(out)
	}
}

// tellApart puts the name of the state in front of the addresses that stand in
// several states, and of the terms of each when there are several: addresses of
// Terraform are names within one root.
func tellApart(all []described) {
	in := map[string]int{} // how many states have an address
	states := 0
	for _, d := range all {
		if d.export {
			continue
		}
		states++
		own := map[string]bool{}
		walk(reflect.ValueOf(d.net), map[any]bool{}, func(o *ir.Origin) { own[o.Address] = true }, func(*ir.Unknown) {})
		for a := range own {
			in[a]++
		}
	}
	for _, d := range all {
		if d.export || states < 2 {
			continue
		}
		walk(reflect.ValueOf(d.net), map[any]bool{}, func(o *ir.Origin) {
			if in[o.Address] > 1 && o.Address != "" {
				o.Address = d.shown + ": " + o.Address
			}
		}, func(u *ir.Unknown) {
			if u.Term != "" {
				u.Term = d.shown + ": " + u.Term
			}
		})
	}
}

// walk calls the functions once for each origin and each unknown of a network.
func walk(v reflect.Value, done map[any]bool, origin func(*ir.Origin), unknown func(*ir.Unknown)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || v.Elem().Kind() != reflect.Struct || done[v.Interface()] {
			return
		}
		done[v.Interface()] = true
		if u, ok := v.Interface().(*ir.Unknown); ok {
			unknown(u)
			return
		}
		walk(v.Elem(), done, origin, unknown)
	case reflect.Struct:
		if v.CanAddr() {
			if o, ok := v.Addr().Interface().(*ir.Origin); ok {
				origin(o)
				return
			}
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walk(v.Field(i), done, origin, unknown)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), done, origin, unknown)
		}
	}
}

// ruleKeys are the meanings of a group's rules, sorted.
func ruleKeys(g *ir.SecurityGroup) []string {
	var keys []string
	for _, egress := range []bool{false, true} {
		for _, r := range g.Rules(egress) {
			keys = append(keys, fmt.Sprint(egress, matchKey(r.Match)))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func entryKeys(a *ir.NetworkACL) []string {
	var keys []string
	for _, e := range a.Entries {
		keys = append(keys, fmt.Sprint(e.Egress, e.Number.V, e.Allow.V, matchKey(e.Match)))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func matchKey(m ir.Match) string {
	peer := m.Peer.CIDR.String()
	switch {
	case m.Peer.Group != nil:
		peer = fmt.Sprintf("%s %p", m.Peer.Group.ID, m.Peer.Group)
	case m.Peer.PrefixList != nil:
		peer = m.Peer.PrefixList.ID
	}
	return fmt.Sprint(m.Protocol.V, m.Ports.V, peer)
}
