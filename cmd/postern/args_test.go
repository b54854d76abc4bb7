package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArrange(t *testing.T) {
	tests := []struct{ typed, want string }{
		{"check", "postern check --"},
		{"check . --strict", "postern check --strict -- ."},
		{"check a --format json b", "postern check --format=json -- a b"},
		{"check a -format=json -o out", "postern check --format=json --o=out -- a"},
		{"check -var x=y a -var=z=w=v", "postern check --var=x=y --var=z=w=v -- a"},
		{"check -o -", "postern check --o=- --"},
		{"check - --strict=false", "postern check --strict=false -- -"},
		{"check --strict -- --format a", "postern check --strict -- --format a"},
		{"trace !a b tcp/1 -v", "postern trace --v -- !a b tcp/1"},
		{"check --fail-on --strict", "postern check --fail-on=--strict --"},
		{"check x -h", "postern check --help -- x"},
		{"help check", "postern check --help"},
		{"--help", "postern --help"},
		{"--version", "postern version --"},
		{"", "postern --help"},
	}
	for _, tt := range tests {
		t.Run(tt.typed, func(t *testing.T) {
			got, err := arrange(newApp(streams{}), append([]string{"postern"}, strings.Fields(tt.typed)...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestArrangeErrors(t *testing.T) {
	tests := []struct{ typed, want string }{
		{"chekc", "there is no verb chekc: expected check, reach, trace, show, eval, rules or version; did you mean check?"},
		{"testdata", "there is no verb testdata: expected check, reach, trace, show, eval, rules or version; did you mean postern check testdata?"},
		{"help chekc", "there is no verb chekc: expected check, reach, trace, show, eval, rules or version; did you mean check?"},
		{"check --stritc", "postern check has no flag --stritc; did you mean --strict?"},
		{"check --expect allow", "postern check has no flag --expect"},
		{"check -x=secret", "postern check has no flag -x"},
		{"check --format", "--format needs a value"},
	}
	for _, tt := range tests {
		t.Run(tt.typed, func(t *testing.T) {
			_, err := arrange(newApp(streams{}), append([]string{"postern"}, strings.Fields(tt.typed)...))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
