package eval

import "sync/atomic"

// memory keeps answers by what they depend on, for all workers: what one has
// met no other walks again. Looking up takes no lock and allocates nothing. A
// slot is written once, a table that is too small is replaced as a whole, and
// one that is as large as it may be by an empty one.
//
//	now ──► answers: │ · │ k1 │ k7 │ · │ · │ k3 │ · │ · │   at most half full,
//	                       └─ key, answer                    the next free slot
type memory struct {
	now atomic.Pointer[answers]
}

type answers struct {
	slots []atomic.Pointer[remembered]
	count int // guarded by the judge's lock
}

type remembered struct {
	key
	Answer
}

// mostSlots bounds a memory: 8 MB of slots, and 2^19 answers of 80 bytes.
const mostSlots = 1 << 20

// fewSlots is the size of an empty memory.
const fewSlots = 1 << 10

func newAnswers(slots int) *answers {
	return &answers{slots: make([]atomic.Pointer[remembered], slots)}
}

func (k key) hash() uint64 {
	h := k.a * 0x9e3779b97f4a7c15
	h = (h ^ h>>32 ^ k.b) * 0xc2b2ae3d27d4eb4f
	h = (h ^ h>>32 ^ k.c) * 0x165667b19e3779f9
	return h ^ h>>32
}

// find returns the answer for a key, nil when it has not been met.
func (t *answers) find(k key) *Answer {
	mask := uint64(len(t.slots) - 1)
	for at := k.hash() & mask; ; at = (at + 1) & mask {
		switch r := t.slots[at].Load(); {
		case r == nil:
			return nil
		case r.key == k:
			return &r.Answer
		}
	}
}

// put takes the next free slot.
func (t *answers) put(r *remembered) {
	mask := uint64(len(t.slots) - 1)
	at := r.hash() & mask
	for t.slots[at].Load() != nil {
		at = (at + 1) & mask
	}
	t.slots[at].Store(r)
	t.count++
}

// find returns the answer for a key, nil when it has not been met.
func (m *memory) find(k key) *Answer { return m.now.Load().find(k) }

// keep adds an answer and returns the one that is kept, which another worker
// may have added meanwhile. The judge's lock is held.
func (m *memory) keep(k key, a *Answer) *Answer {
	t := m.now.Load()
	if old := t.find(k); old != nil {
		return old
	}
	if 2*t.count >= len(t.slots) {
		t = t.larger()
		m.now.Store(t)
	}
	r := &remembered{k, *a}
	t.put(r)
	return &r.Answer
}

// larger returns a table of twice the size with the same answers, or an empty
// one in place of the largest.
func (t *answers) larger() *answers {
	if len(t.slots) >= mostSlots {
		return newAnswers(fewSlots)
	}
	l := newAnswers(2 * len(t.slots))
	for k := range t.slots {
		if r := t.slots[k].Load(); r != nil {
			l.put(r)
		}
	}
	return l
}
