package rulelist

import "github.com/postern-dev/postern/packet"

type classifier struct{}

func newClassifier(*Index) classifier { return classifier{} }

var _ packet.Header
