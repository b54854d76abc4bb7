package aws

import (
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/postern-dev/postern/parse/tf"
)

// question is what a data source asks for: all of the criteria.
type question []criterion

// criterion asks for an attribute, or one tag, to have one of some values.
type criterion struct {
	attr, tag string
	any       []cty.Value
	pattern   bool // * and ? stand for other text, as in filters
}

// argumentNames are arguments of data sources that ask for an attribute of
// another name.
var argumentNames = map[string]string{"route_table_id": "id", "internet_gateway_id": "id", "prefix_list_id": "id"}

// argumentsAsked are the arguments that ask for an attribute of their name.
var argumentsAsked = []string{"id", "vpc_id", "cidr_block", "name", "availability_zone", "availability_zone_id", "default"}

// filterNames are the filters that ask for an attribute, by type of object.
// [BC DescribeVpcs, DescribeSubnets, DescribeSecurityGroups, DescribeRouteTables,
// DescribeInternetGateways, DescribeManagedPrefixLists, DescribePrefixLists]
var filterNames = map[string]map[string]string{
	"aws_vpc": {"vpc-id": "id", "cidr": "cidr_block", "is-default": "default", "isDefault": "default"},
	"aws_subnet": {
		"subnet-id": "id", "vpc-id": "vpc_id", "cidr-block": "cidr_block", "cidr": "cidr_block", "cidrBlock": "cidr_block",
		"availability-zone": "availability_zone", "availability-zone-id": "availability_zone_id",
	},
	"aws_security_group":          {"group-id": "id", "group-name": "name", "vpc-id": "vpc_id"},
	"aws_route_table":             {"route-table-id": "id", "vpc-id": "vpc_id"},
	"aws_internet_gateway":        {"internet-gateway-id": "id", "attachment.vpc-id": "vpc_id"},
	"aws_ec2_managed_prefix_list": {"prefix-list-id": "id", "prefix-list-name": "name"},
	"aws_prefix_list":             {"prefix-list-id": "id", "prefix-list-name": "name"},
}

// questionOf reads what a data source asks for an object of a type; ok is false
// when it asks for nothing, or for something that cannot be judged here.
func questionOf(in *tf.Instance, typ string) (q question, ok bool) {
	for name, a := range in.Body.Attrs {
		bare, _ := a.Value.Unmark()
		switch {
		case bare.IsNull() || name == "region" || name == "state":
			continue
		case name == "tags":
			tags, ok := tagCriteria(a.Value)
			if !ok {
				return nil, false
			}
			q = append(q, tags...)
		case argumentNames[name] != "":
			q = append(q, criterion{attr: argumentNames[name], any: []cty.Value{a.Value}})
		case slices.Contains(argumentsAsked, name):
			if name == "default" && bare.IsKnown() && bare.Type() == cty.Bool && bare.False() {
				continue // any VPC will do
			}
			q = append(q, criterion{attr: name, any: []cty.Value{a.Value}})
		default:
			return nil, false
		}
	}
	for _, n := range in.Body.Blocks {
		c, ok := filterCriterion(n, typ)
		if !ok {
			return nil, false
		}
		q = append(q, c)
	}
	return q, len(q) > 0
}

func tagCriteria(v cty.Value) (question, bool) {
	bare, _ := v.Unmark()
	if !bare.IsKnown() || !bare.Type().IsMapType() && !bare.Type().IsObjectType() {
		return nil, false
	}
	var q question
	for it := bare.ElementIterator(); it.Next(); {
		k, e := it.Element()
		q = append(q, criterion{attr: "tags", tag: k.AsString(), any: []cty.Value{e}, pattern: true})
	}
	return q, true
}

func filterCriterion(n *tf.Block, typ string) (criterion, bool) {
	name, ok := textOf(n.Attrs["name"].Value)
	if n.Type != "filter" || n.Maybe != nil || !ok {
		return criterion{}, false
	}
	values := n.Attrs["values"].Value
	if values == cty.NilVal {
		return criterion{}, false
	}
	bare, _ := values.Unmark()
	if !bare.IsKnown() || bare.IsNull() || !isSequence(bare.Type()) {
		return criterion{}, false
	}
	c := criterion{pattern: true}
	for it := bare.ElementIterator(); it.Next(); {
		_, e := it.Element()
		c.any = append(c.any, e)
	}
	if tag, ok := strings.CutPrefix(name, "tag:"); ok {
		c.attr, c.tag = "tags", tag
		return c, true
	}
	c.attr = filterNames[typ][name]
	return c, c.attr != ""
}

// textOf is a known string.
func textOf(v cty.Value) (string, bool) {
	if v == cty.NilVal {
		return "", false
	}
	bare, _ := v.Unmark()
	if !bare.IsKnown() || bare.IsNull() || bare.Type() != cty.String {
		return "", false
	}
	return bare.AsString(), true
}

// fits reports whether an object surely fits.
func (q question) fits(attr func(string) cty.Value) bool {
	return !slices.ContainsFunc(q, func(c criterion) bool { return !c.fits(attr(c.attr)) })
}

func (c criterion) fits(have cty.Value) bool {
	if have == cty.NilVal {
		return false
	}
	if c.attr == "tags" {
		bare, _ := have.Unmark()
		if !bare.IsKnown() || bare.IsNull() || !bare.Type().IsMapType() && !bare.Type().IsObjectType() {
			return false
		}
		have = cty.NilVal
		for it := bare.ElementIterator(); it.Next(); {
			if k, e := it.Element(); k.AsString() == c.tag {
				have = e
			}
		}
		if have == cty.NilVal {
			return false
		}
	}
	return slices.ContainsFunc(c.any, func(want cty.Value) bool { return equalTo(want, have, c.pattern) })
}

// equalTo reports whether two values are surely equal.
func equalTo(want, have cty.Value, pattern bool) bool {
	w, wm := want.Unmark()
	h, hm := have.Unmark()
	if !w.IsKnown() || !h.IsKnown() {
		wu, hu := tf.Marks(wm), tf.Marks(hm)
		return !w.IsKnown() && !h.IsKnown() && len(wu) > 0 && len(hu) > 0 && sameTerm(append(wu, hu...)) && wu[0].Term != ""
	}
	if w.IsNull() || h.IsNull() {
		return false
	}
	ws, werr := convert.Convert(w, cty.String)
	hs, herr := convert.Convert(h, cty.String)
	if werr != nil || herr != nil {
		return false
	}
	if ws.AsString() == hs.AsString() {
		return true
	}
	return pattern && !tf.HasSymbol(ws.AsString()+hs.AsString()) && glob(ws.AsString(), hs.AsString())
}

// glob matches the wildcards of filters: * is any text, ? any character. The
// time it takes is bounded by the product of the lengths.
func glob(pattern, s string) bool {
	p, t := []rune(pattern), []rune(s)
	star, mark, i, j := -1, 0, 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// unique reports whether at most one object in AWS can fit: it has the id, the
// name in its VPC, or the CIDR in its VPC.
func (q question) unique(typ string) bool {
	asks := func(attr string) bool {
		return slices.ContainsFunc(q, func(c criterion) bool { return c.attr == attr && len(c.any) == 1 })
	}
	return asks("id") || typ == "aws_security_group" && asks("name") && asks("vpc_id") || typ == "aws_subnet" && asks("cidr_block") && asks("vpc_id")
}

// settled reports whether every criterion is written out, so that an object
// with known attributes fits or does not.
func (q question) settled() bool {
	for _, c := range q {
		for _, v := range c.any {
			if s, ok := textOf(v); !ok || tf.HasSymbol(s) {
				return false
			}
		}
	}
	return true
}
