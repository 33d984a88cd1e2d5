// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(_WIN32)
#include <csignal>
#endif

namespace tidings::detail {

/// No signal handler of the user's runs on a thread of ours.
class signals_blocked {
 public:
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;
#if defined(_WIN32)
    signals_blocked() = default;
#else
    signals_blocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~signals_blocked() {
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

 private:
    sigset_t before_{};
#endif
};

}  // namespace tidings::detail
