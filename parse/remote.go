package parse

import (
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/parse/tf"
)

// remote is the outputs of a root, state or plan that --with names.
type remote struct {
	name    string // of --with NAME=PATH
	shown   string
	file    string // of a state or plan
	root    bool   // a configuration, in dir
	dir     string
	library bool
	backend *tf.Backend
	outputs map[string]cty.Value
	used    atomic.Bool
}

// remoteOf finds the outputs that a terraform_remote_state reads: those that
// were given its name, else those of the only root with its backend.
func (x *lent) remoteOf(dir string, in *tf.Instance) *remote {
	var fits []*remote
	for _, r := range x.remotes {
		if r.name != "" && (r.name == in.Name || r.name == in.Address || r.name == "data.terraform_remote_state."+in.Name) {
			fits = append(fits, r)
		}
	}
	if len(fits) == 0 {
		for _, r := range x.remotes {
			if r.name == "" && x.matches(dir, in, r) {
				fits = append(fits, r)
			}
		}
	}
	if len(fits) != 1 {
		return nil
	}
	fits[0].used.Store(true)
	return fits[0]
}

// mainArguments tell states of one backend apart; placeArguments say where the
// backend is. Both must be equal where both sides write them.
// [developer.hashicorp.com/terraform/language/backend]
var (
	mainArguments  = []string{"key", "path", "prefix", "address", "secret_suffix", "workspaces.name", "workspaces.prefix", "name"}
	placeArguments = []string{"bucket", "container_name", "storage_account_name", "organization", "hostname", "workspace_key_prefix", "namespace", "schema_name"}
)

// matches reports whether the configuration of a terraform_remote_state names
// what a root, state or plan keeps.
func (x *lent) matches(dir string, in *tf.Instance, r *remote) bool {
	if in.Body == nil {
		return false
	}
	typ, _ := plainText(in.Body.Attrs["backend"].Value)
	config := textsOf(in.Body.Attrs["config"].Value, "")
	if a, ok := in.Body.Attrs["workspace"]; ok && !a.Value.IsNull() {
		ws, known := plainText(a.Value)
		if !known || ws != x.workspace && !(ws == "default" && x.workspace == "") {
			return false
		}
	}
	if typ == "local" {
		return config["path"] != "" && path.Join(dir, config["path"]) == r.localState()
	}
	b := r.backend
	if b == nil || typ == "" || b.Type != typ && !(typ == "remote" && b.Type == "cloud") {
		return false
	}
	same := false
	for _, name := range slices.Concat(mainArguments, placeArguments) {
		ours, theirs := config[name], b.Config[name]
		if ours == "" || theirs == "" {
			continue
		}
		if ours != theirs {
			return false
		}
		same = same || slices.Contains(mainArguments, name)
	}
	return same
}

// localState is the file that holds the state, where it is a local one.
func (r *remote) localState() string {
	switch {
	case !r.root:
		return path.Clean(r.file)
	case r.backend == nil:
		return path.Join(r.dir, "terraform.tfstate")
	case r.backend.Type != "local":
		return ""
	case r.backend.Config["path"] != "":
		return path.Join(r.dir, r.backend.Config["path"])
	}
	return path.Join(r.dir, "terraform.tfstate")
}

// plainText is a string that is known and holds no symbol.
func plainText(v cty.Value) (string, bool) {
	if v == cty.NilVal {
		return "", false
	}
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || v.Type() != cty.String || tf.HasSymbol(v.AsString()) {
		return "", false
	}
	return v.AsString(), true
}

// textsOf are the strings of an object, those of objects inside it with the
// name in front.
func textsOf(v cty.Value, prefix string) map[string]string {
	out := map[string]string{}
	if v == cty.NilVal || strings.Count(prefix, ".") > 2 {
		return out
	}
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return out
	}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if s, ok := plainText(e); ok {
			out[prefix+k.AsString()] = s
			continue
		}
		for name, s := range textsOf(e, prefix+k.AsString()+".") {
			out[name] = s
		}
	}
	return out
}
