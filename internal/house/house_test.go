// Package house tests the files around the code: what CI systems and hooks
// read, and that the commands of the documentation are there.
package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
)

const top = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// decode reads a YAML file into cty, the one YAML reader that the module has.
func decode(t *testing.T, name string) cty.Value {
	t.Helper()
	text := []byte(read(t, name))
	typ, err := yaml.ImpliedType(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	v, err := yaml.Unmarshal(text, typ)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func get(t *testing.T, v cty.Value, steps ...any) cty.Value {
	t.Helper()
	for _, s := range steps {
		switch s := s.(type) {
		case string:
			if !v.Type().IsObjectType() || !v.Type().HasAttribute(s) {
				t.Fatalf("no %q in %s", s, v.Type().FriendlyName())
			}
			v = v.GetAttr(s)
		case int:
			v = v.Index(cty.NumberIntVal(int64(s)))
		}
	}
	return v
}

func TestPreCommitHooks(t *testing.T) {
	hooks := decode(t, ".pre-commit-hooks.yaml")
	languages := map[string]string{}
	for i := range hooks.LengthInt() {
		hook := get(t, hooks, i)
		id := get(t, hook, "id").AsString()
		languages[id] = get(t, hook, "language").AsString()
		if got, want := get(t, hook, "entry").AsString(), "postern check --changed --format concise"; got != want {
			t.Errorf("%s: entry %q, want %q", id, got, want)
		}
		files := regexp.MustCompile(get(t, hook, "files").AsString())
		for name, want := range map[string]bool{
			"net/main.tf": true, "main.tofu": true, "main.tf.json": true, "prod.tfvars": true, "prod.auto.tfvars.json": true,
			"main.tfx": false, "README.md": false, "package.json": false, "main.tf.bak": false,
		} {
			if files.MatchString(name) != want {
				t.Errorf("%s: runs on %s: %v, want %v", id, name, !want, want)
			}
		}
	}
	if diff := cmp.Diff(map[string]string{"postern": "golang", "postern-system": "system"}, languages); diff != "" {
		t.Errorf("languages by hook (-want +got)\n%s", diff)
	}
}

// TestAction checks that the action passes every input on, pins what it uses,
// and never pastes an input into a script.
func TestAction(t *testing.T) {
	action := decode(t, "action.yml")
	if got := get(t, action, "runs", "using").AsString(); got != "composite" {
		t.Errorf("using %q", got)
	}
	text := read(t, "action.yml")
	for name := range get(t, action, "inputs").Type().AttributeTypes() {
		if !strings.Contains(text, "inputs."+name) {
			t.Errorf("input %s is not used", name)
		}
	}
	steps := get(t, action, "runs", "steps")
	for i := range steps.LengthInt() {
		step := get(t, steps, i)
		if step.Type().HasAttribute("run") {
			if run := get(t, step, "run").AsString(); strings.Contains(run, "${{") {
				t.Errorf("step %d pastes an expression into its script:\n%s", i, run)
			}
			get(t, step, "shell")
			continue
		}
		checkPinned(t, get(t, step, "uses").AsString())
	}
}

func TestWorkflow(t *testing.T) {
	workflow := decode(t, ".github/workflows/test.yml")
	if got := get(t, workflow, "permissions", "contents").AsString(); got != "read" {
		t.Errorf("contents: %s, want read", got)
	}
	calls := false
	for _, job := range []string{"test", "action"} {
		steps := get(t, workflow, "jobs", job, "steps")
		for i := range steps.LengthInt() {
			step := get(t, steps, i)
			if step.Type().HasAttribute("uses") {
				checkPinned(t, get(t, step, "uses").AsString())
			} else if get(t, step, "run").AsString() == ".ci/run" {
				calls = true
			}
		}
	}
	if !calls {
		t.Error("no step calls .ci/run")
	}
}

func checkPinned(t *testing.T, uses string) {
	t.Helper()
	if uses != "./" && !regexp.MustCompile(`^[a-z-]+(/[a-z-]+)+@v\d+$`).MatchString(uses) {
		t.Errorf("%s is not pinned by its major version", uses)
	}
}

// TestActionScript runs the script of the action with a postern that notes how
// it is called.
func TestActionScript(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "postern"), "#!/usr/bin/env bash\nprintf '<%s>' \"$@\" >>\"$CALLS\"\necho >>\"$CALLS\"\necho said\nexit 1\n")
	read(t, "scripts/action.sh") // so that a cached result knows of the script
	at := func(name string) string { return filepath.Join(dir, name) }
	script, err := filepath.Abs(filepath.Join(top, "scripts", "action.sh"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", script)
	cmd.Env = append(os.Environ(),
		"PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "CALLS="+at("calls"), "RUNNER_TEMP="+dir,
		"GITHUB_STEP_SUMMARY="+at("summary"), "GITHUB_OUTPUT="+at("output"),
		"FAIL_ON=high", "ARGS=--var\noffice=$(id)\n", "PATHS=a dir\nb", "SARIF=true")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("the status of postern is lost: %v\n%s", err, out)
	}
	want := ""
	for _, format := range []string{"github", "markdown", "sarif"} {
		want += "<check><--fail-on><high><--format><" + format + "><--var><office=$(id)><--><a dir><b>\n"
	}
	for name, want := range map[string]string{
		"calls": want, "summary": "said\n", "postern.sarif": "said\n", "output": "sarif=" + at("postern.sarif") + "\n",
	} {
		got, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestDocumentedPaths checks that the files which the documentation names are
// there. Names in capitals are for the reader to fill in.
func TestDocumentedPaths(t *testing.T) {
	named := regexp.MustCompile("`((?:[a-z0-9_.-]+/)+[a-z0-9_.-]+)`|\\]\\(([A-Za-z0-9_./-]+)\\)")
	count := 0
	for _, doc := range []string{"README.md", "docs/architecture.md", "docs/contributing.md", "docs/semantics.md"} {
		for _, m := range named.FindAllStringSubmatch(read(t, doc), -1) {
			name := m[1]
			if m[2] != "" {
				name = filepath.Join(filepath.Dir(doc), m[2])
			}
			count++
			if _, err := os.Stat(filepath.Join(top, name)); err != nil {
				t.Errorf("%s names %s, which is not there", doc, name)
			}
		}
	}
	if count < 20 {
		t.Errorf("found only %d names", count)
	}
}

// TestCI checks that CI runs what the README tells people to run.
func TestCI(t *testing.T) {
	if !strings.Contains(read(t, ".ci/run"), "\nexec make test\n") {
		t.Error(".ci/run does not run make test")
	}
	if !strings.Contains(read(t, "README.md"), "make test") {
		t.Error("README.md does not name make test")
	}
}
