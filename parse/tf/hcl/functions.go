package hcl

import (
	"encoding/hex"

	"github.com/hashicorp/go-cty-funcs/collection"
	"github.com/hashicorp/go-cty-funcs/encoding"
	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// builtins are the functions of the language. It is never changed.
var builtins = builtinTable()

func builtinTable() map[string]builtin {
	const element = moves | keeps | picks
	bag := moves | compares | keeps | anyOrder
	t := map[string]builtin{
		// Collections.
		"alltrue":         {fn: allTrue, traits: anyOrder},
		"anytrue":         {fn: anyTrue, traits: anyOrder},
		"chunklist":       {fn: stdlib.ChunklistFunc, traits: moves | keeps},
		"coalesce":        {fn: collection.CoalesceFunc, traits: moves},
		"coalescelist":    {fn: stdlib.CoalesceListFunc, traits: moves | bags | keeps},
		"compact":         {fn: stdlib.CompactFunc, traits: moves | bags | keeps},
		"concat":          {fn: stdlib.ConcatFunc, traits: moves | bags | keeps},
		"contains":        {fn: stdlib.ContainsFunc, traits: moves | compares | anyOrder},
		"distinct":        {fn: stdlib.DistinctFunc, traits: moves | bags | keeps, toil: distinctToil},
		"element":         {fn: stdlib.ElementFunc, traits: element},
		"flatten":         {fn: stdlib.FlattenFunc, traits: moves | bags | keeps},
		"index":           {fn: indexOf, traits: moves | compares},
		"keys":            {fn: stdlib.KeysFunc, traits: moves | bags | keeps},
		"length":          {fn: length, traits: moves | compares | anyOrder | counts},
		"lookup":          {fn: lookup, traits: element | compares},
		"matchkeys":       {fn: matchKeys, traits: moves | compares | keeps, toil: matchToil},
		"merge":           {fn: stdlib.MergeFunc, traits: moves | keeps | anyOrder},
		"one":             {fn: one, traits: element},
		"range":           {fn: stdlib.RangeFunc},
		"reverse":         {fn: stdlib.ReverseListFunc, traits: moves | bags | keeps},
		"setintersection": {fn: stdlib.SetIntersectionFunc, traits: bag},
		"setproduct":      {fn: stdlib.SetProductFunc, traits: moves | bags | keeps, grows: productSize, toil: productToil},
		"setsubtract":     {fn: stdlib.SetSubtractFunc, traits: bag},
		"setunion":        {fn: stdlib.SetUnionFunc, traits: moves | keeps | anyOrder},
		"slice":           {scoped: slice, params: 3, traits: moves | keeps},
		"sort":            {fn: stdlib.SortFunc, traits: moves | bags | keeps},
		"sum":             {fn: sum, traits: anyOrder},
		"transpose":       {fn: transpose, traits: moves},
		"values":          {fn: stdlib.ValuesFunc, traits: moves | bags | keeps},
		"zipmap":          {fn: stdlib.ZipmapFunc, traits: moves | keeps},

		// Conversion.
		"tobool":          {fn: converter(cty.Bool), traits: (element &^ moves) | converts},
		"tolist":          {fn: converter(cty.List(cty.DynamicPseudoType)), traits: element | bags | converts},
		"tomap":           {fn: converter(cty.Map(cty.DynamicPseudoType)), traits: element | converts},
		"tonumber":        {fn: converter(cty.Number), traits: (element &^ moves) | converts},
		"toset":           {fn: converter(cty.Set(cty.DynamicPseudoType)), traits: element | anyOrder | converts},
		"tostring":        {fn: converter(cty.String), traits: element | bags | converts},
		"sensitive":       {scoped: sensitive, params: 1, traits: element | bags},
		"nonsensitive":    {scoped: nonsensitive, params: 1, traits: element | bags},
		"issensitive":     {scoped: isSensitive, params: 1, traits: moves | anyOrder},
		"ephemeralasnull": {scoped: identity, params: 1, traits: element | bags},
		"try":             {lazy: try},
		"can":             {lazy: can},

		// Numbers.
		"abs":      {fn: stdlib.AbsoluteFunc},
		"ceil":     {fn: stdlib.CeilFunc},
		"floor":    {fn: stdlib.FloorFunc},
		"log":      {fn: stdlib.LogFunc},
		"max":      {fn: stdlib.MaxFunc, traits: anyOrder},
		"min":      {fn: stdlib.MinFunc, traits: anyOrder},
		"parseint": {fn: stdlib.ParseIntFunc},
		"pow":      {fn: stdlib.PowFunc},
		"signum":   {fn: stdlib.SignumFunc},

		// Strings.
		"chomp":       {fn: stdlib.ChompFunc},
		"endswith":    {fn: endsWith},
		"format":      {fn: stdlib.FormatFunc, traits: moves, grows: formatSize},
		"formatlist":  {fn: stdlib.FormatListFunc, traits: moves | bags, grows: formatSize},
		"indent":      {fn: stdlib.IndentFunc, grows: indentSize},
		"join":        {fn: stdlib.JoinFunc, traits: moves, grows: joinSize},
		"lower":       {fn: stdlib.LowerFunc},
		"regex":       {fn: stdlib.RegexFunc, toil: regexToil},
		"regexall":    {fn: stdlib.RegexAllFunc, toil: regexToil},
		"replace":     {fn: replace, grows: replaceSize, toil: replaceToil},
		"split":       {scoped: split, params: 2, traits: moves},
		"startswith":  {fn: startsWith},
		"strcontains": {fn: strContains},
		"strrev":      {fn: stdlib.ReverseFunc, toil: textToil},
		"substr":      {fn: stdlib.SubstrFunc},
		"title":       {fn: stdlib.TitleFunc, toil: textToil},
		"trim":        {fn: stdlib.TrimFunc},
		"trimprefix":  {fn: stdlib.TrimPrefixFunc},
		"trimspace":   {fn: stdlib.TrimSpaceFunc},
		"trimsuffix":  {fn: stdlib.TrimSuffixFunc},
		"upper":       {fn: stdlib.UpperFunc},

		// Encoding.
		"base64decode":     {fn: encoding.Base64DecodeFunc},
		"base64encode":     {fn: encoding.Base64EncodeFunc},
		"base64gzip":       {fn: base64Gzip},
		"csvdecode":        {fn: stdlib.CSVDecodeFunc, toil: textToil},
		"jsondecode":       {scoped: jsonDecode, params: 1, toil: textToil},
		"jsonencode":       {fn: stdlib.JSONEncodeFunc, traits: moves},
		"textdecodebase64": {fn: textDecode},
		"textencodebase64": {fn: textEncode},
		"urlencode":        {fn: encoding.URLEncodeFunc},
		"yamldecode":       {scoped: yamlDecode, params: 1, toil: textToil},
		"yamlencode":       {fn: yaml.YAMLEncodeFunc, traits: moves},

		// Hashes.
		"base64sha256": {fn: hashed(sha256Sum, base64Text)},
		"base64sha512": {fn: hashed(sha512Sum, base64Text)},
		"md5":          {fn: hashed(md5Sum, hex.EncodeToString)},
		"sha1":         {fn: hashed(sha1Sum, hex.EncodeToString)},
		"sha256":       {fn: hashed(sha256Sum, hex.EncodeToString)},
		"sha512":       {fn: hashed(sha512Sum, hex.EncodeToString)},
		"uuidv5":       {fn: uuidV5},

		// Addresses.
		"cidrhost":    {fn: cidrHost},
		"cidrnetmask": {fn: cidrNetmask},
		"cidrsubnet":  {fn: cidrSubnet},
		"cidrsubnets": {fn: cidrSubnets},

		// Dates.
		"formatdate": {fn: stdlib.FormatDateFunc},
		"timeadd":    {fn: stdlib.TimeAddFunc},
		"timecmp":    {fn: timeCompare},

		// What differs from run to run, or that only the machine knows.
		"timestamp":     {effect: "gives another time at each run", typ: cty.String},
		"plantimestamp": {effect: "gives another time at each run", typ: cty.String},
		"uuid":          {effect: "gives another value at each run", typ: cty.String},
		"bcrypt":        {effect: "gives another value at each run", typ: cty.String},
		"rsadecrypt":    {effect: "decrypts a secret, which postern does not", typ: cty.String},
	}
	for _, more := range []map[string]builtin{fileFunctions(), providerFunctions()} {
		for name, b := range more {
			t[name] = b
		}
	}
	return t
}
