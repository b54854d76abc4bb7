package hcl

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"

	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// decoded is the text that a decoding function is given; v is set when there
// is none, and is then the result.
func decoded(arg cty.Value) (text string, v cty.Value, err error) {
	bare, ms := arg.Unmark()
	s, err := convert.Convert(bare, cty.String)
	switch {
	case err != nil || s.IsNull():
		return "", cty.NilVal, errors.New("the argument must be a string")
	case !s.IsKnown():
		return "", cty.DynamicVal.WithMarks(ms), nil
	}
	return s.AsString(), cty.NilVal, nil
}

func jsonDecode(s *scope, args []cty.Value) (cty.Value, error) {
	text, v, err := decoded(args[0])
	if err != nil || v != cty.NilVal {
		return v, err
	}
	if _, deep := tooDeepJSON([]byte(text), maxDepth); deep {
		return cty.NilVal, errGrows
	}
	if v = s.ev.files.documents.get(text); v == cty.NilVal {
		if v, err = stdlib.JSONDecode(cty.StringVal(text)); err != nil {
			return cty.NilVal, err
		}
		s.ev.files.documents.put(text, v)
	}
	return v.WithSameMarks(args[0]), nil
}

// documents are texts that were decoded before: the roots of a repository read
// the same files of settings, some of them once for each module. It is safe for
// concurrent use.
type documents struct {
	mu    sync.Mutex
	known map[string]cty.Value
	size  int // bytes of all texts
}

// maxDocuments bounds the texts that are kept.
const maxDocuments = 8 << 20

func (d *documents) get(text string) cty.Value {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[text]
}

func (d *documents) put(text string, v cty.Value) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[string]cty.Value{}
	}
	if d.size += len(text); d.size <= maxDocuments {
		d.known[text] = v
	}
}

// Bounds of YAML documents, by the signs that open what can nest: the decoder
// recurses over all of them, and is slow over those of flow style.
const (
	maxYAMLFlow  = 20_000
	maxYAMLItems = 200_000
)

// yamlDecode decodes without asking for a type first: an alias is decoded once
// and shared, and to compare types would spread it out.
func yamlDecode(s *scope, args []cty.Value) (cty.Value, error) {
	text, v, err := decoded(args[0])
	if err != nil || v != cty.NilVal {
		return v, err
	}
	if json.Valid([]byte(text)) {
		return jsonDecode(s, args)
	}
	if strings.Count(text, "[")+strings.Count(text, "{") > maxYAMLFlow || strings.Count(text, "-") > maxYAMLItems {
		return cty.NilVal, errGrows
	}
	v, err = yaml.Standard.Unmarshal([]byte(text), cty.DynamicPseudoType)
	if err != nil {
		return cty.NilVal, err
	}
	if inspect(v, s.ev.limits).huge {
		return cty.NilVal, errGrows
	}
	return v.WithSameMarks(args[0]), nil
}
