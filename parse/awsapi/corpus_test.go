package awsapi

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-dev/postern/ir"
)

// corpusFolders are the folders that hold exports.
var corpusFolders = []string{
	"duo-labs+cloudmapper", "batfish+batfish", "np-guard+vpc-network-config-analyzer", "cloud-custodian+cloud-custodian", "cartography-cncf+cartography",
	"aws+aws-cli", "boto+botocore",
}

// Every export of the corpus is read, and every object in it is in the network,
// is gone by its own word, or is named as left out.
func TestCorpus(t *testing.T) {
	root := os.Getenv("POSTERN_CORPUS")
	if root == "" {
		t.Skip("POSTERN_CORPUS is not set")
	}
	objects := 0
	for _, folder := range corpusFolders {
		for _, group := range exportsBelow(t, filepath.Join(root, folder)) {
			n := accountFor(t, group)
			objects += n
		}
	}
	if objects < 500 {
		t.Errorf("only %d objects were counted", objects)
	}
	t.Logf("%d objects accounted for", objects)
}

// exportsBelow groups the JSON files below a folder by their directory, as one
// would give them; a file of a directory without a Region or account stands
// alone.
func exportsBelow(t *testing.T, root string) [][]file {
	t.Helper()
	groups := map[string][]file{}
	var order []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		key := filepath.Dir(path)
		if base := filepath.Base(key); base != "aws_configs" && base != "us-east-1" {
			key = path
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], file{filepath.ToSlash(rel), string(data)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out [][]file
	for _, k := range order {
		out = append(out, groups[k])
	}
	return out
}

// accountFor reads files and looks for each object that encoding/json finds
// in them. It returns how many there were.
func accountFor(t *testing.T, files []file) int {
	t.Helper()
	n, ds := read(t, files...)
	for _, d := range ds {
		if d.Error {
			t.Errorf("%s: %s", d.Range, d.Message)
		}
	}
	known := knownIDs(n)
	total := 0
	for _, f := range files {
		var doc any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(f.text, byteOrderMark)), &doc); err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		for _, o := range objectsOf(doc) {
			total++
			if !known[o.id] && !o.gone {
				t.Errorf("%s: %s %q is not accounted for", f.name, o.list, o.id)
			}
		}
	}
	countRules(t, files, n)
	return total
}

type counted struct {
	list, id string
	gone     bool
}

// objectsOf lists the objects of the lists that postern knows, by a way of its
// own.
func objectsOf(doc any) []counted {
	m, ok := doc.(map[string]any)
	if !ok {
		return nil
	}
	if data, ok := m["data"].(map[string]any); ok && m["status_code"] != nil {
		return objectsOf(data)
	}
	var out []counted
	for key, v := range m {
		l, ok := listOf(key)
		items, isList := v.([]any)
		if !ok || !isList || l.id == "" {
			continue
		}
		for _, item := range items {
			o, ok := item.(map[string]any)
			if !ok {
				continue
			}
			if l.kind == recordReservation {
				out = append(out, objectsOf(map[string]any{"Instances": o["Instances"]})...)
				continue
			}
			id, _ := o[l.id].(string)
			switch l.kind {
			case recordAddress, recordSubnetGroup, recordListener, recordListenerRule, recordTargetGroup, recordStaleGroup, recordGroupRule, recordGroupVPC:
				continue // they say something about other objects
			case recordService, recordLoadBalancer:
				if !strings.Contains(mustJSON(o), "sg-") && l.kind == recordService {
					continue // not in a VPC
				}
				if id == "" {
					id, _ = o["LoadBalancerName"].(string)
				}
			}
			out = append(out, counted{key, id, isGone(o)})
		}
	}
	return out
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func isGone(o map[string]any) bool {
	switch s := o["State"].(type) {
	case string:
		return ended(s)
	case map[string]any:
		name, _ := s["Name"].(string)
		return name == "terminated"
	}
	return false
}

// knownIDs are the names of everything in a network, and of what it leaves out.
func knownIDs(n *ir.Network) map[string]bool {
	known := map[string]bool{}
	for _, v := range n.VPCs {
		known[v.ID] = known[v.ID] || v.Seen
	}
	for _, s := range n.Subnets {
		known[s.ID] = true
	}
	for _, r := range n.RouteTables {
		known[r.ID] = true
	}
	for _, g := range n.SecurityGroups {
		known[g.ID] = true
	}
	for _, a := range n.NetworkACLs {
		known[a.ID] = true
	}
	for _, l := range n.PrefixLists {
		known[l.ID] = true
	}
	for _, g := range n.Gateways {
		known[g.ID] = true
	}
	for _, p := range n.Peerings {
		known[p.ID] = true
	}
	for _, g := range n.TransitGateways {
		known[g.ID] = true
	}
	for _, i := range n.Interfaces {
		known[i.ID], known[i.Resource] = true, true
		for _, a := range i.Aliases {
			known[a] = true
		}
	}
	for _, o := range n.NotAnalysed {
		known[o.Address] = true
	}
	return known
}

// countRules compares how many rules the groups of a lone file have.
func countRules(t *testing.T, files []file, n *ir.Network) {
	t.Helper()
	want := 0
	for _, f := range files {
		var doc struct {
			SecurityGroups []rawGroup
			Data           struct{ SecurityGroups []rawGroup }
		}
		if json.Unmarshal([]byte(f.text), &doc) != nil {
			continue
		}
		for _, g := range append(doc.SecurityGroups, doc.Data.SecurityGroups...) {
			for _, p := range append(g.IpPermissions, g.IpPermissionsEgress...) {
				want += len(p.IpRanges) + len(p.Ipv6Ranges) + len(p.PrefixListIds) + len(p.UserIdGroupPairs)
			}
		}
	}
	got := 0
	for _, g := range n.SecurityGroups {
		got += len(g.Ingress) + len(g.Egress)
	}
	if want > 0 && got != want {
		t.Errorf("%s: %d rules, %d in the file", files[0].name, got, want)
	}
}

type rawGroup struct {
	IpPermissions, IpPermissionsEgress []struct{ IpRanges, Ipv6Ranges, PrefixListIds, UserIdGroupPairs []any }
}
