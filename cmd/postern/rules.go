package main

import (
	"github.com/urfave/cli/v2"

	"github.com/postern-dev/postern/report"
	"github.com/postern-dev/postern/rules"
)

var rulesFormats = []string{"text", "markdown", "json"}

func rulesCommand(s streams) *cli.Command {
	return &cli.Command{
		Name: "rules", Usage: "the catalogue, or one rule's documentation", ArgsUsage: "[RULE]",
		Flags:  printFlags(rulesFormats...),
		Action: s.rules,
	}
}

func (s streams) rules(c *cli.Context) error {
	format := c.String("format")
	if format == "" {
		format = "text"
	}
	if err := choose("format", format, rulesFormats); err != nil {
		return err
	}
	chosen := rules.All()
	if c.NArg() > 0 {
		chosen = nil
	}
	for _, id := range c.Args().Slice() {
		r := rules.Find(id)
		if r == nil {
			return unknownRule(id)
		}
		chosen = append(chosen, r)
	}
	rs := catalogue(chosen)
	switch {
	case format == "json":
		text, err := report.RulesJSON(rs)
		if err != nil {
			return err
		}
		return s.print(c, text)
	case format == "markdown":
		return s.print(c, report.RulesMarkdown(rs))
	case c.NArg() == 0:
		return s.print(c, report.RuleList(rs, s.looks(c)))
	}
	text := ""
	for i, r := range rs {
		if i > 0 {
			text += "\n"
		}
		text += report.RuleText(r, s.looks(c))
	}
	return s.print(c, text)
}
