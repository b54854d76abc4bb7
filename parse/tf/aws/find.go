package aws

import (
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/postern-dev/postern/parse/tf"
)

// Find says what the data sources of a root find, as far as that is sure:
//
//   - an object that the root itself makes, when exactly one fits what is asked.
//     A data source that finds several fails, so it finds that one or the
//     configuration cannot be used;
//   - an object of the inventory, when the root makes none that fits and exactly
//     one there does.
//
// Whether an object fits is decided by values that are known, or are equal terms.
func Find(instances []*tf.Instance, inv *Inventory) map[string]*tf.Answer {
	f := finder{inv: inv, made: map[string][]*tf.Instance{}, out: map[string]*tf.Answer{}}
	for _, in := range instances {
		if !in.Data && in.Body != nil {
			typ := dataTypeOf(in.Type)
			f.made[typ] = append(f.made[typ], in)
		}
	}
	for _, in := range instances {
		if !in.Data || in.Body == nil || in.Maybe != nil {
			continue
		}
		if a := f.find(in); a != nil {
			f.out[in.Address] = a
		}
	}
	return f.out
}

type finder struct {
	inv  *Inventory
	made map[string][]*tf.Instance // managed instances, by the type of data source that finds them
	out  map[string]*tf.Answer
}

// dataTypeOf is the type of data source that finds a resource of a type.
func dataTypeOf(resourceType string) string {
	switch resourceType {
	case "aws_default_subnet":
		return "aws_subnet"
	case "aws_default_route_table":
		return "aws_route_table"
	}
	return resourceType
}

// findable are the types of data sources that find one object by arguments and
// filters; plurals those that find the ids of all that fit.
var (
	findable = []string{"aws_vpc", "aws_subnet", "aws_security_group", "aws_route_table", "aws_internet_gateway", "aws_ec2_managed_prefix_list", "aws_prefix_list"}
	plurals  = map[string]string{"aws_vpcs": "aws_vpc", "aws_subnets": "aws_subnet", "aws_security_groups": "aws_security_group", "aws_route_tables": "aws_route_table"}
)

func (f *finder) find(in *tf.Instance) *tf.Answer {
	if values := f.inv.recorded(in); values != nil {
		return &tf.Answer{Values: values}
	}
	switch {
	case slices.Contains(findable, in.Type):
		if q, ok := questionOf(in, in.Type); ok {
			if a := f.findOne(in, q); a != nil {
				return a
			}
		}
	case plurals[in.Type] != "":
		if q, ok := questionOf(in, plurals[in.Type]); ok {
			if ids := f.findAll(in, plurals[in.Type], q); ids != cty.NilVal {
				return &tf.Answer{Values: map[string]cty.Value{"ids": ids}}
			}
		}
	}
	return nil
}

func (f *finder) findOne(in *tf.Instance, q question) *tf.Answer {
	if fits := f.madeBy(in, in.Type, q); len(fits) > 0 {
		if len(fits) == 1 && fits[0].Maybe == nil {
			return &tf.Answer{Object: fits[0].Address}
		}
		return nil
	}
	if fits := f.inv.fitting(in, in.Type, q); len(fits) == 1 {
		f.inv.use(fits[0])
		return &tf.Answer{Values: fits[0].attrs}
	}
	return nil
}

// findAll is the list of the ids of everything that fits. The root's own
// objects are all of it only when what is asked fits one object at most.
func (f *finder) findAll(in *tf.Instance, typ string, q question) cty.Value {
	if fits := f.madeBy(in, typ, q); len(fits) > 0 {
		if len(fits) == 1 && fits[0].Maybe == nil && q.unique(typ) {
			return cty.ListVal([]cty.Value{cty.StringVal(tf.Symbol(fits[0].Address, "id"))})
		}
		return cty.NilVal
	}
	return f.inv.all(in, typ, q)
}

func (f *finder) madeBy(in *tf.Instance, typ string, q question) []*tf.Instance {
	var fits []*tf.Instance
	for _, o := range f.made[typ] {
		if o.Provider == in.Provider && o.Region == in.Region && q.fits(attrsOf(o)) {
			fits = append(fits, o)
		}
	}
	return fits
}

// attrsOf are the attributes of a managed instance that data sources ask for.
func attrsOf(o *tf.Instance) func(string) cty.Value {
	return func(name string) cty.Value {
		if a, ok := o.Body.Attrs[name]; ok {
			return a.Value
		}
		if name == "id" {
			return cty.StringVal(tf.Symbol(o.Address, "id"))
		}
		return cty.NilVal
	}
}

// Question writes what a data source asks: two that ask the same find the same.
// It is "" when that is not sure, and when the answer is of no use.
func Question(in *tf.Instance) string {
	starts := func(start string) bool { return strings.HasPrefix(in.Type, start) }
	ends := func(end string) bool { return strings.HasSuffix(in.Type, end) }
	if !starts("aws_") || slices.ContainsFunc(fleeting, ends) || slices.ContainsFunc(apart, starts) {
		return ""
	}
	text, ok := blockText(in.Body)
	if !ok {
		return ""
	}
	return strings.Join([]string{in.Type, in.Provider, in.Region, text}, "\x00")
}

// fleeting are the ends of types of data sources that find something else each
// time; apart the beginnings of those that find nothing of a network.
var (
	fleeting = []string{"_password", "_token", "_auth"}
	apart    = []string{"aws_acm_", "aws_iam_", "aws_identitystore_", "aws_kms_", "aws_route53_zone", "aws_ssoadmin_"}
)

// blockText writes a block so that equal texts are equal questions; ok is false
// when a part of it may be anything.
func blockText(b *tf.Block) (text string, ok bool) {
	if b.Maybe != nil {
		return "", false
	}
	var parts []string
	for name, a := range b.Attrs {
		t, ok := valueText(a.Value)
		if !ok {
			return "", false
		}
		parts = append(parts, name+"="+t)
	}
	slices.Sort(parts)
	for _, n := range b.Blocks {
		t, ok := blockText(n)
		if !ok {
			return "", false
		}
		parts = append(parts, n.Type+"{"+t+"}")
	}
	return strings.Join(parts, "\x01"), true
}

// valueText writes a value: an unknown one as its term.
func valueText(v cty.Value) (text string, ok bool) {
	bare, ms := v.Unmark()
	switch us := tf.Marks(ms); {
	case !bare.IsKnown():
		if len(us) == 0 || !sameTerm(us) || us[0].Term == "" {
			return "", false
		}
		return "?" + us[0].Term, true
	case bare.IsNull() || !bare.CanIterateElements():
		t, err := ctyjson.Marshal(bare, bare.Type())
		return string(t), err == nil
	}
	var parts []string
	for it := bare.ElementIterator(); it.Next(); {
		k, e := it.Element()
		t, ok := valueText(e)
		if !ok {
			return "", false
		}
		if bare.Type().IsMapType() || bare.Type().IsObjectType() {
			t = k.AsString() + ":" + t
		}
		parts = append(parts, t)
	}
	return "[" + strings.Join(parts, ",") + "]", true
}
