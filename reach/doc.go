// Package reach says what AWS does with packets. It compiles the network model
// to packet sets and composes them along paths, in both directions.
//
// A flow goes from one end to another: an interface, or a host outside every
// VPC. One walk finds its ways (walk.go, follow.go). At each subnet the route table
// divides the headers among its targets, and each target is followed to where it
// leads, until the far end: local delivery, peering, a transit gateway, a NAT
// gateway, an appliance, a load balancer. What is not modelled lets nothing
// through for certain, and anything possibly. docs/topology.md decides each of
// these.
//
// A way is cut into segments by translators. On a segment the header does not
// change, and every filter, route and gateway is a stage with the set of headers
// that it lets through, stated as the request has them there; a stage of the reply
// is compiled with its fields swapped. F, the forward set, is the intersection of
// the stages of the request; R is the set of headers whose reply finds a way back
// that every stage lets through, or that need no reply. A flow is complete where
// both hold. What passes behind a translator is pulled back through it (lens.go),
// so that every answer is in headers as the initiator sends them.
//
// Where an unknown value decides which way is taken, what surely passes is what
// passes on each of them, and what may pass is what does on any.
//
// Every set is a Band: what surely passes, what may pass on the evidence of
// known rules, and what may pass at all. See foundations in docs/architecture.md.
//
// Nothing here evaluates a single packet; package trace does that, shares no
// code with this one, and judges it.
package reach
