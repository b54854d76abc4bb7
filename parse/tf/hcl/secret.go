package hcl

import (
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/parse/tf"
)

// Errors quote what they are about: an index, a key that stands twice, a part of
// a text. Whatever was once sensitive is taken out of all of them.

// Bounds on the texts that are remembered: shorter ones stand in every sentence.
const (
	minSecret  = 4
	maxSecrets = 1_000
)

// hide marks a value as sensitive and remembers its texts.
func (ev *evaluator) hide(v cty.Value) cty.Value {
	if inspect(v, ev.limits).huge {
		return tf.MarkSensitive(v)
	}
	bare, _ := v.UnmarkDeep()
	_ = cty.Walk(bare, func(_ cty.Path, x cty.Value) (bool, error) {
		if len(ev.secrets) < maxSecrets && x.Type() == cty.String && x.IsKnown() && !x.IsNull() {
			if s := x.AsString(); len(s) >= minSecret && !tf.HasSymbol(s) && !slices.Contains(ev.secrets, s) {
				ev.secrets = append(ev.secrets, s)
			}
		}
		return true, nil
	})
	return tf.MarkSensitive(v)
}

// discreet takes the texts of sensitive values out of a message.
func (ev *evaluator) discreet(message string) string {
	for _, s := range ev.secrets {
		message = strings.ReplaceAll(message, s, "(sensitive)")
	}
	return message
}
