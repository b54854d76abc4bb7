package trace

import (
	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// Run walks the query's header and, when the request may arrive, its reply.
func Run(n *ir.Network, q Query) Result {
	why := &ir.Unknown{Cause: diag.Cause{Code: diag.NotModelled, Message: "the walk"}}
	return Result{Verdict: Unknown, Header: q.Header, Because: []*ir.Unknown{why}}
}
