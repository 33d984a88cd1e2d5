// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/allocations.hpp"

#include <tidings/test/manual_clock.hpp>

#include <memory>
#include <utility>

namespace tidings::test {

/// A manual clock whose waits always find memory.
class sparing_clock final : public io::clock {
 public:
    void advance(io::steady_time::duration by) { of_.advance(by); }

    io::steady_time now() const noexcept override { return of_.now(); }
    io::system_time wall_now() const noexcept override { return of_.wall_now(); }
    std::unique_ptr<io::timer> make_timer(net::any_io_executor executor) override {
        return std::make_unique<timer>(of_.make_timer(std::move(executor)));
    }

 private:
    class timer final : public io::timer {
     public:
        explicit timer(std::unique_ptr<io::timer> of) : of_(std::move(of)) {}
        void start_wait(io::steady_time until, tidings::unique_function<void()> done) override {
            const sparing memory;
            of_->start_wait(until, std::move(done));
        }
        void cancel() noexcept override { of_->cancel(); }

     private:
        const std::unique_ptr<io::timer> of_;
    };
    manual_clock of_;
};

}  // namespace tidings::test
