// Package rulelist answers questions about the entries of an ordered list:
// which one a packet meets first, which are never reached, which could be left
// out, how much of an entry is taken by those before it, which contradict each
// other. It never builds the set of what a whole list lets through.
//
// # Pieces
//
// An entry is a union of boxes. For the analysis a box is widened to headers
// that do not exist, by the rule that a field which a header lacks may have any
// value: GRE with all ports stands for GRE. A box that names ports of all
// protocols becomes one piece for each kind of header. Then whether headers are
// covered is a question about products of five intervals and nothing else.
//
// Each field has its own axis. All bounds of all pieces are sorted, and from
// there on a value is its rank among them: an IPv6 address and a port are both
// a uint32, and one program does for both families.
//
// # Index
//
// For some values x along each axis the index holds two sets of pieces as
// bitsets, {those that begin at x or before} and {those that end before x}. The
// pieces that meet a box in one field are a difference of two such sets, and
// those that meet it in all fields an intersection of five differences:
//
//	x            x1         x2         x3
//	          |---A---|  |------B------|
//	begin <=     A          A B        A B
//	end <                   A          A
//	              meets [x1..x2]: {A B} \ {}
//
// There are at most some hundred x per axis, so the candidates are compared
// with the box once more, exactly. The same bitsets, asked the other way round,
// give the pieces that contain a box.
//
// # Analysis
//
// Whether an entry is covered is decided by the first of these that can:
//
//  1. one piece before it contains it: it is covered;
//  2. a walk through a few of its headers, from one covering piece to the next,
//     finds a header that none covers: it is reached. Each step is a lookup of
//     one point; which pieces meet the entry is not needed;
//  3. subtraction: of the pieces before it that meet it, the one that takes most
//     of what is left is cut away, and each part that remains is looked at with
//     the pieces that meet it. Either nothing remains, and the cuts are the
//     certificate, or a header;
//  4. a diagram (package solver) of the candidates, clipped to the entry;
//  5. Exact, another solver that the caller brings;
//  6. nothing: the verdict is Undecided.
//
// Steps 2 to 4 have budgets, so the time is bounded. No step guesses: each
// verdict comes with a header, or with a packet.Cover that somebody else can
// check (see package reach/trace). Only a cover found by steps 4 or 5, or one of
// more than packet.MaxCoverLeaves leaves, is without.
//
// Whether an entry could be left out is the same question with what comes after
// it: pieces that do the same take headers off it, the first that does something
// else leaves them over. Those are where step 2 walks first.
//
// # Unknown values
//
// An entry may match more than it surely does. Entries cover by what they
// surely match (Lo), and are covered when all that they may match (Hi) is; what
// is found holds whatever the unknown values turn out to be.
package rulelist
