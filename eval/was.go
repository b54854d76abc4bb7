package eval

import (
	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/reach/trace"
)

// A log was recorded under a configuration. Where that is given, it tells two
// things that rows leave open. Which end began: of an accepted row, a reading
// that the configuration would not have let pass is none. And what a change is to
// blame for: what the recorded configuration denies as well is not broken by
// another.

// fitting finds, by the side that a row was observed at, which end may have begun
// an accepted flow.
func fitting(found record.Side, sure bool, request, reply *tally) (out [3]begun) {
	for side := range out {
		at := record.Side(side)
		if sure || at == record.SideUnknown {
			at = found
		}
		out[side] = byEither
		switch asRequest, asReply := request.passed(proved(false, at)), reply.passed(proved(true, at)); {
		case asRequest && !asReply:
			out[side] = bySource
		case asReply && !asRequest:
			out[side] = byDestination
		}
	}
	return out
}

// passed reports whether a flow may have passed all that lies no deeper.
func (t *tally) passed(depth int) bool { return t.verdict != trace.Deny || t.depth > depth }

// began finds which end of a record began the flow: what the record tells, else
// what the recorded configuration does, else what a guess is worth, if guesses
// are wanted.
func (j *Judge) began(r *record.Record) begun {
	b := told(r)
	if b == byEither && j.was != nil && r.Observed == record.Accepted {
		side := r.Side
		if a, fault := j.was.as(r, b); fault.What == record.NoFault {
			b = a.fits[r.Side]
		}
		r.Side = side
	}
	if b == byEither && j.options.GuessInitiator {
		b = guess(r)
	}
	return b
}

// before is what the recorded configuration says about a row, read as the judge
// reads it: its decision, nil without such a configuration, and what replaying
// it there gives.
func (j *Judge) before(r *record.Record) (*Decision, Replay) {
	if j.was == nil {
		return nil, NotReplayed
	}
	side := r.Side
	defer func() { r.Side = side }()
	a, fault := j.was.as(r, j.began(r))
	if fault.What != record.NoFault {
		return nil, NotReplayed
	}
	return a.Decision, a.Replay(r)
}
