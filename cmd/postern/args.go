package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/postern-dev/postern/internal/nearest"
)

// arrange puts the flags before the arguments, where the flag package wants
// them; people put them anywhere. What stands behind -- is never a flag. It
// refuses verbs and flags that do not exist, and names the nearest.
func arrange(app *cli.App, argv []string) ([]string, error) {
	if len(argv) < 2 {
		return []string{app.Name, "--help"}, nil
	}
	verb := argv[1]
	if isHelp(verb) || verb == "help" {
		return arrangeHelp(app, argv[2:])
	}
	if verb == "--version" || verb == "-version" {
		verb = "version"
	}
	command := app.Command(verb)
	if command == nil {
		return nil, unknownVerb(app, verb)
	}
	flags, arguments, err := sortArguments(command, argv[2:])
	if err != nil {
		return nil, err
	}
	return slices.Concat([]string{app.Name, command.Name}, flags, []string{"--"}, arguments), nil
}

func isHelp(s string) bool { return s == "-h" || s == "-help" || s == "--help" }

func arrangeHelp(app *cli.App, rest []string) ([]string, error) {
	if len(rest) == 0 {
		return []string{app.Name, "--help"}, nil
	}
	if app.Command(rest[0]) == nil {
		return nil, unknownVerb(app, rest[0])
	}
	return []string{app.Name, rest[0], "--help"}, nil
}

func unknownVerb(app *cli.App, verb string) error {
	var verbs []string
	for _, c := range app.Commands {
		if !c.Hidden {
			verbs = append(verbs, c.Name)
		}
	}
	e := &usageError{message: fmt.Sprintf("there is no verb %s: expected %s", verb, list(verbs))}
	if near := nearest.One(verb, verbs); near != "" {
		e.message += "; did you mean " + near + "?"
	} else if exists(verb) {
		e.message += fmt.Sprintf("; did you mean postern check %s?", verb)
	}
	return e
}

// sortArguments tells flags, each with its value, from arguments.
func sortArguments(command *cli.Command, args []string) (flags, arguments []string, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return flags, append(arguments, args[i+1:]...), nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			arguments = append(arguments, arg)
			continue
		case isHelp(arg):
			flags = append(flags, "--help")
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		f := findFlag(command, name)
		switch {
		case f == nil:
			return nil, nil, unknownFlag(command, arg, name)
		case hasValue:
			flags = append(flags, "--"+name+"="+value)
		case !takesValue(f):
			flags = append(flags, "--"+name)
		case i+1 == len(args):
			return nil, nil, &usageError{message: arg + " needs a value"}
		default:
			i++
			flags = append(flags, "--"+name+"="+args[i])
		}
	}
	return flags, arguments, nil
}

func findFlag(command *cli.Command, name string) cli.Flag {
	for _, f := range command.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

func unknownFlag(command *cli.Command, arg, name string) error {
	var names []string
	for _, f := range command.Flags {
		names = append(names, f.Names()...)
	}
	e := &usageError{message: fmt.Sprintf("postern %s has no flag %s", command.Name, strings.SplitN(arg, "=", 2)[0])}
	if near := nearest.One(name, names); near != "" {
		e.message += "; did you mean --" + near + "?"
	} else {
		e.hints = append(e.hints, hint{"every flag", "postern " + command.Name + " --help", ""})
	}
	return e
}

// list writes words as "a, b or c".
func list(words []string) string {
	switch len(words) {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// choose checks that a flag has one of its values.
func choose(flag, value string, values []string) error {
	if slices.Contains(values, value) {
		return nil
	}
	e := &usageError{message: fmt.Sprintf("--%s %s: expected %s", flag, value, list(values))}
	if near := nearest.One(value, values); near != "" {
		e.message += "; did you mean " + near + "?"
	}
	return e
}
