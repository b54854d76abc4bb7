package awsapi

import (
	"bytes"
	"iter"
	"strings"
)

// Detect reports whether data could be an AWS export in any envelope, or what
// the AWS CLI writes in place of one. It looks at names of the outermost
// objects only and does not check that the rest is JSON. It says no to
// Terraform plans and states, and to a file without any content.
func Detect(data []byte) bool {
	if _, bad := foreign("", data); bad {
		return len(bytes.TrimSpace(data[:min(len(data), 4096)])) > 0
	}
	n, pascal := 0, true
	has := map[string]bool{}
	for key := range topKeys(data) {
		if isForeign(key) {
			return false
		}
		has[foldName(key)] = true
		pascal = pascal && key != "" && 'A' <= key[0] && key[0] <= 'Z'
		if _, ok := listOf(key); ok && !ambiguous(key) {
			return true
		}
		if _, ok := singleOf(key); ok || isEnvelope(key) || isIrrelevant(key) && !ambiguous(key) {
			return true
		}
		if _, ok := notModelledBecause(key); ok && !ambiguous(key) {
			return true
		}
		if n++; n > 1000 {
			return false
		}
	}
	top := func(name string) bool { return has[foldName(name)] }
	// What is left to go by is what stands deeper.
	return bareBy(top) != nil || top("Configuration") && top("ResourceType") ||
		top("PrefixListId") && top("Entries") || top("TransitGatewayRouteTableId") ||
		n > 0 && (nested(data) || pascal && bytes.Contains(data[:min(len(data), 1<<16)], []byte(`"arn:aws`)))
}

// nested reports whether a file that says nothing at its top holds a list
// deeper down: exports under the names of accounts or Regions.
func nested(data []byte) bool {
	head := data[:min(len(data), 1<<20)]
	for _, name := range []string{`"SecurityGroups"`, `"IpPermissions"`, `"NetworkAcls"`, `"RouteTables"`, `"NetworkInterfaces"`, `"Subnets"`, `"Vpcs"`, `:servicenetworkvpcassociation/`} {
		if bytes.Contains(head, []byte(name)) {
			return true
		}
	}
	return false
}

// isForeign recognises members that only Terraform's own JSON and CloudFormation
// templates have.
func isForeign(key string) bool {
	switch key {
	case "format_version", "terraform_version", "planned_values", "resource_changes", "lineage", "prior_state", "root_module", "serial", "resource", "provider_schemas", "AWSTemplateFormatVersion":
		return true
	}
	return false
}

// ambiguous names occur in all kinds of JSON.
func ambiguous(key string) bool {
	switch foldName(key) {
	case "entries", "routes", "associations", "rules", "services", "functions", "clusters", "instances", "addresses", "subnets",
		"images", "tags", "keys", "users", "groups", "roles", "parameters", "connections", "attributes", "results", "locations",
		"aliases", "policies", "topics", "repositories", "listeners", "stacks", "regions", "hosts", "limits", "certificates", "firewalls":
		return strings.ToLower(key) == key
	}
	return false
}

// isEnvelope recognises the members of what exports are wrapped in.
func isEnvelope(key string) bool {
	switch foldName(key) {
	case "configurationitems", "baseconfigurationitems", "configurationitem", "invokingevent", "responsemetadata", "statuscode":
		return true
	}
	return false
}

// topKeys are the names of the members of the outermost object, or of the
// first objects of an outermost array; broken text just ends them.
func topKeys(data []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		data = bytes.TrimPrefix(data, []byte(byteOrderMark))
		depth, want, arrays := 0, false, 0
		for i := 0; i < len(data); i++ {
			switch c := data[i]; c {
			case '{':
				depth++
				want = true
			case '[':
				if depth == 0 && arrays == 0 {
					arrays = 1
					continue
				}
				depth++
				want = false
			case '}', ']':
				depth--
				if depth <= 0 && c == '}' && arrays == 0 {
					return
				}
			case ',':
				want = true
			case ':':
				want = false
			case '"':
				end := stringEnd(data, i)
				if end < i+2 {
					return
				}
				if depth == 1 && want && !yield(string(data[i+1:end-1])) {
					return
				}
				i = end - 1
			}
		}
	}
}

// stringEnd returns the index after a string's closing quote, or len(data).
func stringEnd(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}
