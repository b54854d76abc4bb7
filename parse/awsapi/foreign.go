package awsapi

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/postern-dev/postern/diag"
)

var (
	cliError    = regexp.MustCompile(`An error occurred \(([A-Za-z0-9_.]+)\) when calling the ([A-Za-z0-9]+) operation`)
	cliTable    = regexp.MustCompile(`^\s*-{10,}\r?\n\|\s*[A-Za-z]`)
	cliText     = regexp.MustCompile(`^[A-Z][A-Z0-9]{3,}\t`)
	cliYAML     = regexp.MustCompile(`^(---\r?\n)?[A-Z][A-Za-z]+:( *\[\])?\r?\n`)
	cliComplain = []string{
		"Unable to locate credentials", "aws: error:", "usage: aws ", "Could not connect to the endpoint URL", "The config profile (",
		"Error when retrieving token", "Error loading SSO Token", "The SSO session", "You must specify a region", "Partial credentials found",
		"aws: [ERROR]:", "Parameter validation failed:", "Unknown options:", "Invalid endpoint:", "Connect timeout on endpoint URL",
	}
)

// foreign recognises files that the AWS CLI or a shell wrote in place of an
// export. It looks at the first bytes only.
func foreign(file string, data []byte) (diag.Diagnostic, bool) {
	d := diag.Diagnostic{Error: true, Range: diag.Range{File: file, Start: diag.Pos{Line: 1, Column: 1}, End: diag.Pos{Line: 1, Column: 1}}}
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(data[:min(len(data), 4096)], []byte(byteOrderMark)))
	head := string(trimmed)
	switch {
	case len(trimmed) == 0 && len(data) <= 4096:
		d.Message = "the file is empty; the command that wrote it printed nothing"
		d.Fix = "run the command again and look at what it says on standard error"
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		d.Message, d.Fix = "this is compressed with gzip, not JSON", "gunzip it first"
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		d.Message, d.Fix = "this is a zip archive, not JSON", "unpack it first"
	case isUTF16(data):
		d.Message = "this is UTF-16, not UTF-8: PowerShell's > writes it"
		d.Fix = "write it with: | Out-File -Encoding utf8 FILE"
	case head != "" && (head[0] == '{' || head[0] == '['):
		return d, false
	case cliTable.MatchString(head):
		d.Message, d.Fix = "this is a table, not JSON", "add --output json"
	case cliText.MatchString(head):
		d.Message, d.Fix = "this is the CLI's text output, not JSON", "add --output json"
	case cliError.MatchString(head):
		m := cliError.FindStringSubmatch(head)
		d = refused(d, m[1], m[2])
	case complains(head):
		d.Message = "this is an AWS CLI error message, not an export: " + firstLine(head)
		d.Fix = "put that right and run the command again"
	case cliYAML.MatchString(head):
		d.Message, d.Fix = "this is YAML, not JSON", "add --output json"
	default:
		return d, false
	}
	return d, true
}

func complains(head string) bool {
	for _, c := range cliComplain {
		if strings.HasPrefix(head, c) {
			return true
		}
	}
	return false
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return `"` + clip(strings.TrimSpace(s), 100) + `"`
}

// isUTF16 recognises a byte order mark, or a bracket beside a zero byte.
func isUTF16(data []byte) bool {
	if len(data) < 2 {
		return false
	}
	switch [2]byte(data[:2]) {
	case [2]byte{0xff, 0xfe}, [2]byte{0xfe, 0xff}, [2]byte{'{', 0}, [2]byte{0, '{'}, [2]byte{'[', 0}, [2]byte{0, '['}:
		return true
	}
	return false
}

// refused words an error that AWS returned for an operation; operation may be
// empty.
func refused(d diag.Diagnostic, code, operation string) diag.Diagnostic {
	d.Message = `this is an AWS CLI error message, not an export: "` + code + `"`
	switch {
	case strings.Contains(code, "Unauthorized"), strings.Contains(code, "AccessDenied"), strings.Contains(code, "AuthFailure"):
		permission := "the permission for this call"
		if operation != "" {
			permission = service(operation) + ":" + operation
		}
		d.Fix = "the reader's role needs " + permission
	case strings.Contains(code, "Expired"), strings.Contains(code, "InvalidClientTokenId"), strings.Contains(code, "UnrecognizedClient"):
		d.Fix = "log in again and run the command again"
	case strings.Contains(code, "Throttl"), strings.Contains(code, "RequestLimitExceeded"):
		d.Fix = "run the command again, a little later"
	default:
		d.Fix = "put that right and run the command again"
	}
	return d
}

// service is the IAM prefix of an operation's service.
func service(operation string) string {
	for _, s := range []struct{ part, prefix string }{
		{"LoadBalancer", "elasticloadbalancing"},
		{"Listener", "elasticloadbalancing"},
		{"TargetGroup", "elasticloadbalancing"},
		{"TargetHealth", "elasticloadbalancing"},
		{"DB", "rds"},
		{"ResourceConfig", "config"},
		{"ListFunctions", "lambda"},
		{"CacheCluster", "elasticache"},
		{"MountTarget", "elasticfilesystem"},
		{"DescribeServices", "ecs"},
		{"ListAccelerators", "globalaccelerator"},
	} {
		if strings.Contains(operation, s.part) {
			return s.prefix
		}
	}
	return "ec2"
}
