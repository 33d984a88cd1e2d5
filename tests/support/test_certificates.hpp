// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace tidings::test {

/// A certificate and its key as PEM text.
struct certificate {
    std::string certificate_pem;
    std::string key_pem;
};

/// Certificates made in memory, new in every process and valid for a day. None is ever written
/// down.
struct test_certificates {
    certificate authority;
    certificate server;          ///< of `authority`, for localhost and 127.0.0.1
    certificate other_name;      ///< of `authority`, for other.example
    certificate expired;         ///< of `authority`, for localhost, until yesterday
    certificate client;          ///< of `authority`, for a client
    certificate other_client;    ///< of the stranger, for a client
    std::string stranger_pem;    ///< an authority that signed none of them
    std::string locked_key_pem;  ///< the key of `server` behind a password
};

/// Made at the first call.
const test_certificates& certificates();

}  // namespace tidings::test
