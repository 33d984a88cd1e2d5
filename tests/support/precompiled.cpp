// SPDX-License-Identifier: BSL-1.0
// Empty: the target that owns the tests' precompiled header needs a source.
