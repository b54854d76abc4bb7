package parse

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"sync"
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
	backend *tf.Backend
	used    atomic.Bool

	// evaluate gives the outputs that a configuration has in a workspace; a
	// state or a plan is of one workspace, and does not say of which.
	evaluate func(workspace string) map[string]cty.Value
	mu       sync.Mutex
	outputs  map[string]map[string]cty.Value // by workspace; "" for a state or plan
}

// in are the outputs in a workspace.
func (r *remote) in(workspace string) map[string]cty.Value {
	if r.evaluate == nil {
		return r.outputs[""]
	}
	if name, ok := r.backend.Workspace(); ok {
		workspace = name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out, ok := r.outputs[workspace]
	if !ok {
		out = r.evaluate(workspace)
		r.outputs[workspace] = out
	}
	return out
}

// remoteOf finds the outputs that a terraform_remote_state reads: those that
// were given its name, else those of the only root with its backend.
func (x *lent) remoteOf(dir string, in *tf.Instance) (map[string]cty.Value, bool) {
	workspace, known := workspaceOf(in)
	var fits []*remote
	for _, r := range x.remotes {
		if r.name != "" && (r.name == in.Name || r.name == in.Address || r.name == "data.terraform_remote_state."+in.Name) {
			fits = append(fits, r)
		}
	}
	if len(fits) == 0 {
		for _, r := range x.remotes {
			if r.name == "" && known && x.matches(dir, workspace, in, r) {
				fits = append(fits, r)
			}
		}
	}
	if len(fits) != 1 {
		return nil, false
	}
	if !known {
		workspace = x.workspace
	}
	fits[0].used.Store(true)
	return fits[0].in(workspace), true
}

// workspaceOf is the workspace whose state a terraform_remote_state reads:
// default, whatever the one that reads is in, unless it says another.
// [developer.hashicorp.com/terraform/language/state/remote-state-data]
func workspaceOf(in *tf.Instance) (name string, known bool) {
	if in.Body == nil {
		return "", false
	}
	a, ok := in.Body.Attrs["workspace"]
	if !ok {
		return "default", true
	}
	if bare, _ := a.Value.Unmark(); bare.IsNull() {
		return "default", true
	}
	return plainText(a.Value)
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
func (x *lent) matches(dir, workspace string, in *tf.Instance, r *remote) bool {
	typ, _ := plainText(in.Body.Attrs["backend"].Value)
	config := textsOf(in.Body.Attrs["config"].Value, "")
	if typ == "local" {
		reads := localState(dir, workspace, config)
		return reads != "" && reads == r.localState(workspace)
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

// localState is the file of a workspace's state, where it is a local one.
func (r *remote) localState(workspace string) string {
	switch {
	case !r.root:
		return path.Clean(r.file)
	case r.backend == nil:
		return localState(r.dir, workspace, map[string]string{"path": "terraform.tfstate"})
	case r.backend.Type != "local":
		return ""
	case r.backend.Config["path"] == "":
		return localState(r.dir, workspace, map[string]string{"path": "terraform.tfstate", "workspace_dir": r.backend.Config["workspace_dir"]})
	}
	return localState(r.dir, workspace, r.backend.Config)
}

// localState is the file that the local backend keeps a workspace's state in,
// "" when its arguments do not say. Only that of the default workspace is at
// its path. [developer.hashicorp.com/terraform/language/backend/local]
func localState(dir, workspace string, config map[string]string) string {
	switch {
	case workspace != "default":
		return path.Join(dir, cmp.Or(config["workspace_dir"], "terraform.tfstate.d"), workspace, "terraform.tfstate")
	case config["path"] == "":
		return ""
	}
	return path.Join(dir, config["path"])
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
