package hcl

import (
	"errors"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// providerFunctions are the functions of the aws provider that only look at
// their arguments. [registry documentation of hashicorp/aws, functions]
func providerFunctions() map[string]builtin {
	return map[string]builtin{
		"provider::aws::arn_parse":          {fn: arnParse},
		"provider::aws::arn_build":          {fn: arnBuild, traits: moves},
		"provider::aws::trim_iam_role_path": {fn: trimRolePath},
	}
}

// arnParts are the parts of an ARN in the order they are written.
// [docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html]
var arnParts = [...]string{"partition", "service", "region", "account_id", "resource"}

func splitARN(s string) ([]string, error) {
	rest, ok := strings.CutPrefix(s, "arn:")
	if !ok {
		return nil, errors.New("an ARN begins with arn: and its parts")
	}
	parts := strings.SplitN(rest, ":", len(arnParts))
	if len(parts) < len(arnParts) {
		return nil, errors.New("an ARN has six parts, separated by colons")
	}
	return parts, nil
}

var (
	arnType = cty.Object(map[string]cty.Type{
		"partition": cty.String, "service": cty.String, "region": cty.String, "account_id": cty.String, "resource": cty.String,
	})

	arnParse = onText(arnType, func(a []string) (cty.Value, error) {
		parts, err := splitARN(a[0])
		if err != nil {
			return cty.UnknownVal(arnType), err
		}
		o := map[string]cty.Value{}
		for i, name := range arnParts {
			o[name] = cty.StringVal(parts[i])
		}
		return cty.ObjectVal(o), nil
	}, "arn")

	arnBuild = function.New(&function.Spec{
		Params: []function.Parameter{text("partition"), text("service"), text("region"), text("account_id"), text("resource")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s := "arn"
			for _, a := range args {
				s += ":" + a.AsString()
			}
			return cty.StringVal(s), nil
		},
	})

	// trimRolePath takes the path off the ARN of a role.
	trimRolePath = onText(cty.String, func(a []string) (cty.Value, error) {
		parts, err := splitARN(a[0])
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		names := strings.Split(parts[4], "/")
		switch {
		case parts[1] != "iam":
			return cty.UnknownVal(cty.String), errors.New("the service of a role's ARN is iam")
		case parts[2] != "":
			return cty.UnknownVal(cty.String), errors.New("the ARN of a role has no region")
		case names[0] != "role" || len(names) < 2:
			return cty.UnknownVal(cty.String), errors.New("the resource of a role's ARN begins with role/")
		}
		parts[4] = "role/" + names[len(names)-1]
		return cty.StringVal("arn:" + strings.Join(parts, ":")), nil
	}, "arn")
)
