#!/usr/bin/env node
// A compiler with the face of native solc, as far as py-solc-x needs it: --version, and --standard-json on stdin.
'use strict'
const compiler = require('solc')

const wanted = process.argv.slice(2)
if (wanted.includes('--version')) {
  console.log(`solc, the solidity compiler\nVersion: ${compiler.version()}`)
} else if (wanted.includes('--standard-json')) {
  process.stdout.write(compiler.compile(require('fs').readFileSync(0, 'utf8')))
} else {
  console.error(`expected --version or --standard-json, found ${wanted.join(' ')}`)
  process.exit(2)
}
