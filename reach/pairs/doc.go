// Package pairs answers for all pairs of interfaces at once: which services
// each reaches at each other, in every protocol, and at which client ports the
// replies come back. Package reach answers for one pair, with packet sets; here
// ten thousand interfaces are a hundred million pairs, and an answer is a few
// words of bits.
//
// # Atoms
//
// No filter of AWS reads a source port, and the destination port of a reply is
// the client's port. So for fixed addresses a flow is two sets over one universe
// of (protocol, destination port): Forward, the requests that arrive, and
// Reply, the ports at which replies do. The services that no rule of the
// network tells apart are one atom; most networks have fewer than 64, so that a
// set is a word. See Universe.
//
// # Vertices and classes
//
// A vertex is an interface by one of its addresses. Vertices are sorted by
// address, so that a CIDR is a run of neighbours (see order), and what a rule or
// an ACL does is a function of the vertex that changes at few places (see steps).
// Vertices of one subnet with the same groups in the same CIDRs are one class,
// and everything is computed for classes. Nothing depends on there being fewer
// classes than vertices.
//
// # A pair
//
// What flows is what the sender's groups allow to the receiver, and the
// receiver's groups from the sender, less what the ACLs of the subnets between
// them stop. Where routes lead does not depend on the service; classes that
// routes do not tell apart form cells, and two cells have a plan: the routes'
// answer in both directions, which ACLs look at the packet, and whether
// references to groups still hold. Plans know delivery inside a VPC, peering
// connections and transit gateways. Everything else, such as appliances and NAT
// gateways on the way, or a subnet that is not known, is asked of package reach,
// pair by pair: slower, and the same answer. See plan and asker.
//
// # Tiles
//
// Pairs are computed in tiles of 64 destinations and 256 sources. What depends
// on a destination and a group, or on a source and a group, is laid out once a
// tile; a pair is then a few word operations. Tiles are handed to a visitor and
// not kept, on all cores. See Table.Tiles and sideWorker.
//
// # What is not known
//
// Rules, entries, groups and addresses may be unknown. Everything is then
// computed twice, once with what surely passes and once with what possibly
// does; a network of which all is known pays once. An address that AWS will
// pick stands for all addresses that no CIDR tells apart: there is a vertex for
// each such part of the subnet, and what surely flows must flow from all of
// them. Where the subnet itself is one of several, the parts of all of them are
// alternatives. See bound, Vertex and Unit.
//
// # What is not here
//
// A pair is stated by private addresses in IPv4. What an interface sends to
// another one's public address leaves by a gateway and comes back in by another:
// Index.Public asks package reach about it, once for all interfaces of a kind. A
// load balancer is an end: what arrives there is one pair, what it sends to its
// targets another.
//
// # Other questions
//
// Index.Matrix joins the answers by named parts of the network, the internet
// among them. Table.Relation keeps a few bits of each: who can open a flow to
// whom. Recheck answers again for the pairs that a changed rule touches.
package pairs
