// Package solver is an algebra of packet sets: unions, differences, first-match
// lists, projections and questions over all headers of one address family.
//
// # Diagrams
//
// A set is an interval decision diagram. Each level decides one field, in the
// order protocol, source, destination, source port, destination port; a node
// cuts its level into intervals that tile it, and each interval leads to a node
// of a deeper level or to an end. This is "tcp to 10.0.0.0/8, port 22 or 443":
//
//	protocol     [0..5]--------------------------------> none
//	             [6]---+
//	             [7..255]------------------------------> none
//	                   |
//	                   |            (any source: no node at that level)
//	                   v
//	destination  [0.0.0.0..9.255.255.255]--------------> none
//	             [10.0.0.0..10.255.255.255]---+
//	             [11.0.0.0..255.255.255.255]-----------> none
//	                                          |
//	                                          v   (any source port)
//	dst port                    [0..21]----------------> none
//	                            [22]-------------------> all
//	                            [23..442]--------------> none
//	                            [443]------------------> all
//	                            [444..65535]-----------> none
//
// An ICMP type and code stand in the destination port level as type*256+code.
// An IPv6 address takes two levels, its upper and its lower 64 bits, so that a
// CIDR of any length is one interval at one of them and one value above.
//
// # Canonical form
//
// Three rules make the diagram of a set unique: neighbouring intervals of a
// node lead to different places, a node with a single interval is left out (its
// parent points past it), and no two nodes are equal: a table finds the one
// that exists (hash consing). Equal sets therefore have equal ids, and whether
// two sets are equal is one comparison of two integers.
//
// Nodes live in one arena and refer to each other by index. A node is never
// changed, and kept for as long as the space is. A merge of a long list drops
// its own intermediate results; the way to be rid of others is to compute in a
// scratch Space, to Import what is worth keeping, and to Reset the scratch.
//
// # Operations
//
// A binary operation walks two diagrams side by side and remembers, in a small
// direct-mapped cache, what it found for each pair of nodes. Lists are merged
// in halves, not folded from one end: then most merges are between small
// diagrams, and each entry takes part in log n of them. FirstMatch merges
// diagrams with three ends (no entry matched, permit, deny), for which "the
// earlier over the later" is associative, so that ordered lists may be halved too.
//
// Lists that look at one address, the protocol and the destination port only, as
// those of AWS do, are not merged at all: a sweep over the addresses builds the
// result directly. See sweep.go.
//
// # Well-formed headers
//
// All holds the well-formed headers only, as packet.Header.Valid defines them:
// a TCP or UDP header has both ports, an ICMP header has source port 0, any
// other has both ports 0. Every set is a subset of All, and complements and
// counts are relative to it. The operations that change a port (Project,
// ProjectSome, ProjectAll, Assign) leave headers alone that do not have it.
//
// # Budget
//
// True five-field ranges can make a diagram explode. An operation that needs
// more edges (intervals of nodes) than Options.MaxEdges, or walks too long over
// the ones there are, returns Invalid; so does every operation on Invalid, and
// questions about it return ErrBudget. What was computed before stays usable.
// Nothing is ever approximated.
package solver
