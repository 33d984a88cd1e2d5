// SPDX-License-Identifier: BSL-1.0
#pragma once

// Signing and verifying without I/O: Standard Webhooks, and the HMAC schemes of providers.

#include <tidings/webhook/hmac_signer.hpp>
#include <tidings/webhook/hmac_verifier.hpp>
#include <tidings/webhook/standard_signer.hpp>
#include <tidings/webhook/standard_verifier.hpp>
