// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/lane.hpp>
#include <tidings/log.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>
#include <tidings/webhook/impl/made_signature.hpp>
#include <tidings/webhook/impl/parcel.hpp>
#include <tidings/webhook/signing_options.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tidings::webhook::detail {

using tidings::detail::lane;
using tidings::detail::wheel_timer;

/// The signatures that `async_signer`s make of deliveries before these have a connection. They are
/// asked for the first entries of an endpoint's line, and asked again where a signature failed, or
/// became old while it was not used. Lane-confined.
class signing_desk : public std::enable_shared_from_this<signing_desk> {
 public:
    using ready_function =
        tidings::unique_function<void(const std::vector<std::string>& ids, error_code ec)>;
    using entries = std::deque<parcel>;

    /// @param ready called in the lane with endpoints whose first entry may have a signature now;
    /// with errc::out_of_memory where it does not say all of them
    signing_desk(std::shared_ptr<lane> l, io::clock& clock, signing_options options, log_sink log,
                 ready_function ready);

    /// Whether the first entry of this line has a signature. Asks for those of the first `ahead`
    /// requests that have none; `ready` gives the endpoint then.
    bool look(const endpoint_target& t, const entries& line, std::size_t ahead);
    /// The signature of that request, for its attempt.
    made_signature take(const std::string& id, const parcel& p);
    /// Nothing of this endpoint waits any more to be signed.
    void dismiss(const std::string& id);
    /// Whether a signer is being asked.
    bool busy() const noexcept { return !asked_.empty(); }
    void stop() noexcept;
    template <class Gone>
    void forget_if(Gone gone) {
        std::erase_if(works_, [&](const auto& item) { return gone(item.first); });
    }

 private:
    static constexpr std::chrono::seconds max_age{60};

    struct slot {
        std::uint64_t key;     // of the first entry
        std::string batch;     // the batch's id
        std::uint64_t ticket;  // of the question
        io::steady_time at;
        made_signature made;
        bool done = false;

        bool is_of(const parcel& p) const noexcept {
            return key == p.first.key && batch == p.batch_id();
        }
    };
    /// What is signed for an endpoint.
    struct work {
        std::shared_ptr<async_signer> by{};
        std::string label{};
        std::vector<slot> slots{};
        std::uint32_t failures = 0;  // in a row
        error_code last{};           // of them
        io::steady_time not_before{};
        bool queued = false;  // for its signer
    };
    struct question {
        std::string endpoint;
        const async_signer* of;
        io::steady_time deadline;
    };
    /// One signer's questions, and the endpoints that wait until there are fewer.
    struct queue {
        std::size_t asked = 0;
        std::deque<std::string> waiting{};
    };

    bool ask(const endpoint_target& t, work& w, const parcel& p);
    void on_signed(std::uint64_t ticket, error_code ec, http::fields f);
    void conclude(std::uint64_t ticket, const question& q, error_code ec, http::fields f);
    void note(std::uint64_t ticket, const question& q, error_code ec, http::fields f,
              std::vector<std::string>& ids);
    void fail(const std::string& id, work& w, error_code ec);
    void drop(const std::string& id, std::uint64_t ticket) noexcept;
    void leave(const async_signer* s, std::vector<std::string>& open);
    void on_timer();
    void wait();

    const std::shared_ptr<lane> lane_;
    io::clock& clock_;
    const signing_options options_;
    const log_sink log_;
    ready_function ready_;
    std::map<std::string, work> works_;
    std::map<std::uint64_t, question> asked_;  // by ticket, and so by deadline
    std::map<const async_signer*, queue> queues_;
    std::set<std::pair<io::steady_time, std::string>> waiting_;  // to ask again
    std::uint64_t tickets_ = 0;
    wheel_timer timer_;
};

}  // namespace tidings::webhook::detail
