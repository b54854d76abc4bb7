package eval

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// Judge answers questions about records of one network. It may be used by
// several goroutines.
type Judge struct {
	n       *ir.Network
	options Options
	classes *classes
	ends    *ends
	natural map[string]uint32 // names that from and to may use, to a number

	// sole is, by class, the index + 1 of the interface that alone and surely
	// has its address; 0 until that is found out.
	sole []atomic.Uint32

	memory memory
	// was judges the network under which rows were recorded; recorded: that is
	// this one.
	was      *Judge
	recorded bool

	mu        sync.Mutex // guards what follows, and additions to the memory
	held      map[class][]holder
	decisions map[Reason]*Decision
	labels    map[string]*Label
	rules     map[*ir.Rule]int
	entries   map[*ir.Entry]int
	used      []bool
	uses      []use
}

// Options say how records are read.
type Options struct {
	// GuessInitiator: of a flow-log row that does not tell which end began,
	// the end with the likelier service port is taken for the server.
	GuessInitiator bool
	// Was is the network under which rows were recorded; nil when it is not known.
	Was *ir.Network
}

// NewJudge prepares the judgement of a network.
func NewJudge(n *ir.Network, o Options) *Judge {
	j := &Judge{
		n: n, options: o, classes: newClasses(n), ends: newEnds(n),
		held: map[class][]holder{}, decisions: map[Reason]*Decision{}, labels: map[string]*Label{},
		rules: map[*ir.Rule]int{}, entries: map[*ir.Entry]int{}, natural: map[string]uint32{},
	}
	j.memory.now.Store(newAnswers(fewSlots))
	j.sole = make([]atomic.Uint32, j.classes.count())
	for name := range j.ends.names {
		j.natural[name] = uint32(len(j.natural)) + 1
	}
	for _, name := range []string{"internet", "outside"} {
		j.natural[name] = uint32(len(j.natural)) + 1
	}
	j.list()
	if o.Was != nil {
		j.was = NewJudge(o.Was, Options{})
		j.was.recorded = true
	}
	return j
}

// Answer is a verdict about one record.
type Answer struct {
	*Decision
	// From and To are what has the record's source and destination.
	From, To *Label
	// Reply: the record was judged as a reply; its flow goes the other way.
	Reply bool
	// breaks: by the side that a row was observed at, whether its flow, if it
	// was accepted, surely passed what now denies it.
	breaks [3]bool
	// fits: of the recorded configuration, by the same sides, which end may have
	// begun the flow, if it was accepted.
	fits [3]begun
}

// Replay compares a row with its observation.
type Replay uint8

// The outcomes of a replay. The zero value: nothing was observed.
const (
	NotReplayed Replay = iota
	Holds              // accepted, and allowed
	Breaks             // accepted, and now denied by what it surely passed
	Stays              // rejected, and denied
	Opens              // rejected, and now allowed
	Unclear            // neither can be told
)

func (r Replay) String() string {
	switch r {
	case Holds:
		return "holds"
	case Breaks:
		return "breaks"
	case Stays:
		return "stays"
	case Opens:
		return "opens"
	case Unclear:
		return "unclear"
	case NotReplayed:
	}
	return "not-replayed"
}

// Replay compares the answer with what was observed.
func (a *Answer) Replay(r *record.Record) Replay {
	switch {
	case r.Observed == record.NotObserved:
		return NotReplayed
	case r.Observed == record.Accepted && a.Verdict == trace.Allow:
		return Holds
	case r.Observed == record.Accepted && a.breaks[r.Side]:
		return Breaks
	case r.Observed == record.Rejected && a.Verdict == trace.Deny:
		return Stays
	case r.Observed == record.Rejected && a.Verdict == trace.Allow:
		return Opens
	default:
		return Unclear
	}
}

// begun says which end of a record began the flow.
type begun uint8

const (
	bySource begun = iota
	byDestination
	byEither
)

// told finds what a record tells about its initiator. A packet is stated as
// its initiator sends it. A row tells by its TCP flags: SYN without ACK comes
// from the client, SYN with ACK from the server; AWS reports ACK with SYN only.
// [VPC flow-logs-records.md, tcp-flags]
func told(r *record.Record) begun {
	const syn, synAck = 2, 18
	switch {
	case !r.Flow:
		return bySource
	case r.HasFlags && r.TCPFlags&synAck == synAck:
		return byDestination
	case r.HasFlags && r.TCPFlags&syn != 0:
		return bySource
	default:
		return byEither
	}
}

// guess takes the lower port for the service's, which no law demands.
func guess(r *record.Record) begun {
	switch {
	case r.Protocol != packet.TCP && r.Protocol != packet.UDP || r.SrcPort == r.DstPort:
		return byEither
	case r.DstPort < r.SrcPort:
		return bySource
	default:
		return byDestination
	}
}

// key is everything of a record that its answer depends on.
type key struct{ a, b, c uint64 }

// scope is the number of the name of the sender, or of the interface that a row
// was observed at.
func (k key) scope() uint32 { return uint32(k.b) }

// foreign is the scope of a row of a VPC that is not in the network.
const foreign = 1<<32 - 1

// begun is which end began.
func (k key) begun() begun { return begun(k.c & 3) }

// key packs a record. The fault is an end that does not exist.
func (j *Judge) key(r *record.Record, b begun) (key, record.Fault) {
	ipv4 := r.Src.Is4()
	src, dst := j.classes.ports(r.Protocol, ipv4, b, r.SrcPort, r.DstPort)
	srcClass, dstClass := j.classes.of(r.Src), j.classes.of(r.Dst)
	var from, to uint32
	if r.Flow {
		from = j.side(r, srcClass, dstClass)
		if len(r.VPC) > 0 && len(j.ends.vpcs) > 0 {
			if !j.ends.vpcs[string(r.VPC)] {
				to = foreign
			}
		}
	} else {
		if len(r.From) > 0 {
			if from = j.natural[string(r.From)]; from == 0 {
				return key{}, record.Fault{Field: record.From, What: record.Unnamed}
			}
		}
		if len(r.To) > 0 {
			if to = j.natural[string(r.To)]; to == 0 {
				return key{}, record.Fault{Field: record.To, What: record.Unnamed}
			}
		}
	}
	mode := uint64(b)
	for k, on := range [...]bool{r.Flow, r.Own, r.AnyType} {
		if on {
			mode |= 4 << k
		}
	}
	return key{
		uint64(srcClass)<<32 | uint64(dstClass),
		uint64(src)<<48 | uint64(dst)<<32 | uint64(from),
		uint64(to)<<32 | uint64(r.Protocol)<<8 | mode,
	}, record.Fault{}
}

// side finds the side that a row was observed at from its interface, and
// returns the interface's index + 1 when the answer depends on it.
func (j *Judge) side(r *record.Record, src, dst class) uint32 {
	k := uint32(0)
	if len(r.Interface) > 0 {
		k = j.ends.ids[string(r.Interface)]
	}
	switch {
	case k > 0 && j.sole[src].Load() == k:
		r.Side = record.AtSender
	case k > 0 && j.sole[dst].Load() == k:
		r.Side = record.AtReceiver
	case k > 0:
		return k
	case r.Own:
		// Where on the way it was observed is not told; that its sender's filters
		// let it pass is sure.
		r.Side = record.AtSender
	}
	return 0
}

// Answer judges a record. It allocates nothing for what has been met before. The
// fault is an end that the record names and the network lacks.
func (j *Judge) Answer(r *record.Record) (*Answer, record.Fault) {
	return j.as(r, j.began(r))
}

// as judges a record of which one end, or either, began the flow.
func (j *Judge) as(r *record.Record, b begun) (*Answer, record.Fault) {
	k, fault := j.key(r, b)
	if fault.What != record.NoFault {
		return nil, fault
	}
	if a := j.memory.find(k); a != nil {
		return a, record.Fault{}
	}
	a := j.judge(k, r)
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.memory.keep(k, &a), record.Fault{}
}

// holders finds who has an address, by its class.
func (j *Judge) holders(a netip.Addr) []holder {
	c := j.classes.of(a)
	j.mu.Lock()
	defer j.mu.Unlock()
	hs, ok := j.held[c]
	if !ok {
		hs = j.ends.of(a)
		j.held[c] = hs
		if len(hs) == 1 && hs[0].kind == privately {
			j.sole[c].Store(uint32(slices.Index(j.n.Interfaces, hs[0].iface)) + 1)
		}
	}
	return hs
}

// Label is what an end is called. Equal labels are the same pointer.
type Label struct {
	Text string
	json []byte
}

func (j *Judge) label(text string) *Label {
	j.mu.Lock()
	defer j.mu.Unlock()
	l, ok := j.labels[text]
	if !ok {
		l = &Label{text, plainJSON(text)}
		j.labels[text] = l
	}
	return l
}
