// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/io/clock.hpp>

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tidings::rest_hook::detail {

/// The answers to requests with an Idempotency-Key, so that a client that lost one may ask again.
/// Bounded in bytes and in time: the oldest make room. Safe from any thread.
class answer_memory : public std::enable_shared_from_this<answer_memory> {
 public:
    enum class seen {
        fresh,    ///< new, and pending from now on
        pending,  ///< there is no answer yet
        other,    ///< the key was that of another request
        known,    ///< it was answered
    };
    /// A request that is pending; the key is free again where this ends without an answer.
    class claim {
     public:
        claim() = default;
        claim(std::shared_ptr<answer_memory> of, std::string key) noexcept
            : of_(std::move(of)),
              key_(std::move(key)) {}
        claim(claim&& o) noexcept = default;
        claim& operator=(claim&& o) noexcept {
            of_.swap(o.of_);
            key_.swap(o.key_);
            return *this;
        }
        ~claim() {
            if (of_) of_->forget(key_);
        }
        void settle(const http::response& r) {
            if (!of_) return;
            of_->settle(key_, r);
            of_.reset();
        }

     private:
        std::shared_ptr<answer_memory> of_;
        std::string key_;
    };

    /// @param most_bytes of answers, about; @param keep for so long
    answer_memory(std::size_t most_bytes, std::chrono::milliseconds keep, io::clock& clock)
        : most_bytes_(most_bytes),
          keep_(keep),
          clock_(clock) {}

    /// @param key names the caller, the resource, and what the client calls its request
    /// @param body of the request
    seen begin(std::string_view key, std::string_view body, claim& fresh, http::response& known);
    /// What is held, about.
    std::size_t bytes() const;

 private:
    struct entry {
        std::string body{};  // its SHA-256
        bool answered = false;
        http::response answer{};
        io::steady_time at{};
        std::list<std::string>::iterator place{};  // in answered_, once it is
        std::size_t bytes = 0;
    };
    void settle(const std::string& key, const http::response& r);
    void forget(const std::string& key) noexcept;
    void erase(const std::string& key) noexcept;

    const std::size_t most_bytes_;
    const std::chrono::milliseconds keep_;
    io::clock& clock_;
    mutable std::mutex mutex_;  // guards what follows
    std::unordered_map<std::string, entry> entries_;
    std::list<std::string> answered_;  // keys, the oldest first
    std::size_t bytes_ = 0;
};

}  // namespace tidings::rest_hook::detail
