// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/store/impl/prompt_outbox.hpp>
#include <tidings/webhook/impl/attempt_gate.hpp>
#include <tidings/webhook/impl/changed_error.hpp>
#include <tidings/webhook/impl/circuit_gauge.hpp>
#include <tidings/webhook/impl/ended_attempt.hpp>
#include <tidings/webhook/impl/ended_endpoints.hpp>
#include <tidings/webhook/impl/endpoint_health.hpp>
#include <tidings/webhook/impl/endpoint_line.hpp>
#include <tidings/webhook/impl/endpoint_registry.hpp>
#include <tidings/webhook/impl/endpoint_state.hpp>
#include <tidings/webhook/impl/incoming_entry.hpp>
#include <tidings/webhook/impl/message_maker.hpp>
#include <tidings/webhook/impl/operational_events.hpp>
#include <tidings/webhook/impl/outcome_book.hpp>
#include <tidings/webhook/impl/parcel.hpp>
#include <tidings/webhook/impl/pending_attempt.hpp>
#include <tidings/webhook/impl/place_book.hpp>
#include <tidings/webhook/impl/prepared_endpoints.hpp>
#include <tidings/webhook/sender.hpp>

#include <unordered_map>

namespace tidings::webhook::detail {

/// The sender behind its handle: rounds of claim, send, settle. The outbox holds what is owed; a
/// few entries of each endpoint are claimed and stand in its line, so that one that is slow or down
/// holds up nobody else. Only what is owed to endpoints that were added here is claimed: what an
/// outbox holds for others is left to the senders that add them, later or elsewhere. Lane-confined
/// behind a thread-safe face.
class sender_state final : public drainable, public std::enable_shared_from_this<sender_state> {
 public:
    sender_state(net::any_io_executor executor, sender_options options);

    /// @error as `sender::endpoint`
    /// @param detail gets what is wrong, where the error does not say it
    std::shared_ptr<endpoint_state> add(endpoint_options options, error_code& ec,
                                        diagnostics* detail = nullptr);
    /// Whether a URL may be an endpoint's. @error errc::bad_url, errc::address_refused
    error_code check_target(const std::string& url) const;
    /// By which rule the guard refuses the address or port of such a one, in words.
    std::string_view rule_against(const std::string& url) const;
    /// Nothing more is sent to it: what it is owed waits until its endpoint is added again.
    void withdraw(endpoint_target& t) noexcept;
    /// Without hooks.
    const sender_options& options() const noexcept { return options_; }
    /// Nothing holds the endpoint any more: its target is forgotten at once if it is owed nothing.
    void forget_soon(std::shared_ptr<endpoint_target> t) noexcept;
    void stop() noexcept;
    drain_role role() const noexcept override { return drain_role::sender; }
    /// A second drain joins the first.
    void start_drain(unique_function<void(error_code)> done) override;
    std::size_t in_flight() const noexcept { return in_flight_; }
    /// An endpoint that is disabled, or spared, is sent to again.
    void enable(std::shared_ptr<endpoint_target> t);
    /// As `endpoint::grant`.
    void grant(std::shared_ptr<endpoint_target> t, std::optional<std::uint32_t> per_minute);

    net::any_io_executor executor() const noexcept { return lane_->executor(); }
    const std::shared_ptr<lane>& home() const noexcept { return lane_; }
    /// What a delivery's id gets so that it is another.
    std::string new_suffix() const;
    /// The wall clock's time of the beginning, and what has passed since by the steady clock.
    io::system_time now() const { return time_at(options_.environment.clock->now()); }
    io::system_time time_at(io::steady_time at) const;
    bool taking() const noexcept { return taking_; }
    /// Puts an entry into the outbox, with all others of this turn; `done` in the lane.
    /// @param from, at what brought its event, and where that stands; null: nothing with a place
    void append(store::outbox_entry entry, const place_ptr& from, const std::optional<position>& at,
                unique_function<void(error_code)> done);
    /// Whether a subscription goes on after a restart where it was.
    bool keeps_places() const noexcept { return taking_ && outbox_->durable(); }
    /// A subscription of an endpoint begins: see `place_book`. From any thread.
    place_ptr locate(const std::string& endpoint, std::string_view pattern, position here,
                     bool anew, locate_handler h);
    void leave(const place_ptr& p, std::shared_ptr<endpoint_target> of) noexcept;
    void pass(const place_ptr& p, const position& at) noexcept;
    /// Writes down up to where the subscriptions of an endpoint passed events. From any thread.
    void store_passed(const std::string& endpoint, unique_function<void(error_code)> done);
    /// What lies before `at` is gone.
    void on_gap(const std::shared_ptr<endpoint_target>& of, const place_ptr& p,
                position at) noexcept;
    message_maker& messages() noexcept { return messages_; }
    const std::shared_ptr<store::outbox>& outbox() const noexcept { return outbox_; }
    using redeliver_handler = store::outbox::redeliver_handler;
    /// As `sender::async_erase`, `async_redeliver`, `async_resend`.
    void erase(std::string owner, store::outbox::done_handler h);
    void redeliver(store::outbox_selection of, bool as_new, redeliver_handler h);
    void resend(std::uint64_t attempt, bool as_new, store::outbox::done_handler h);
    outcome_book& outcomes() noexcept { return *outcomes_; }
    void on_endpoint_closed(std::shared_ptr<const std::string> id, leaving how) noexcept;

 private:
    static constexpr std::chrono::seconds after_failed_storage{1};
    static constexpr std::chrono::minutes between_retentions{60}, before_retention{10};
    using line = endpoint_line;
    using batch = incoming_batch;
    struct hooks {
        std::function<void(const attempt&)> on_attempt;
        std::function<void(const endpoint_change&)> on_endpoint;
    };

    /// The handler of an operation of the outbox, which is kept alive by it. `f` is called in the
    /// lane, once: with errc::store_failed where the outbox drops it.
    template <class... Values, class F>
    auto store_handler(F f) {
        return tidings::detail::lane_handler<Values...>(
            lane_, errc::store_failed,
            [keep = shared_from_this(), f = std::move(f)](error_code ec, Values... v) mutable {
                f(ec, std::move(v)...);
            });
    }
    /// An operation at which the outbox throws has failed, as its handler is dropped. Nothing is
    /// logged when the sender has ended.
    template <class F>
    bool ask_store(F f) noexcept {
        const log_sink nowhere;
        return tidings::detail::guarded(running() ? options_.log : nowhere, "webhook", f);
    }
    bool running() const noexcept { return !ended_ && http_; }
    void open_endpoints();
    using target_ptr = std::shared_ptr<endpoint_target>;
    void on_opened(error_code ec, const std::vector<target_ptr>& opened,
                   std::vector<store::outbox_endpoint> rows);
    void take_opened(const endpoint_target& opened, store::outbox_health health);
    endpoint_health& health_of(const endpoint_target& t);
    std::chrono::milliseconds wait_for_proxy(endpoint_target& t, error_code why);
    void end_proxy_waits(const endpoint_target& t);
    void note(endpoint_target& t, const attempt& a, error_code ec);
    /// Counts the endpoint where it is.
    void count_state(const endpoint_target& t, bool probing = false);
    void on_change(endpoint_target& t, endpoint_health::change c);
    void on_disabled_by_bound(const std::vector<std::string>& ids);
    connection_turns::group group_of(const std::string& id) const;
    const endpoint_health* health_at(const std::string& id, line& l) const;
    std::size_t share_of(const std::string& id, line& l, io::system_time at) const;
    bool may_hold(const std::string& id, line& l) const;
    std::chrono::milliseconds longest_wait() const noexcept { return longest_wait_.load(); }
    std::vector<std::pair<std::string, store::outbox_health>> health_of_changed();
    void spare(const std::string& id, line& l);
    void forget_missed();
    /// There was no memory for what is to be done with it: it stays in the outbox, claimed, and the
    /// next claim begins with what is claimed there and not held here.
    void let_go(std::uint64_t key) noexcept {
        held_.erase(key);
        claim_later(errc::out_of_memory);
    }
    void append_open();
    void write_passed(std::string_view endpoint, std::uint32_t least,
                      unique_function<void(error_code)> done);
    void append_batch(batch& open);
    void append_all(batch& all);
    static std::vector<store::outbox_mark> marks_of(batch& all);
    static void answer_all(batch& all, error_code ec) noexcept;
    void on_appended(batch& all, error_code ec, const store::outbox_appended& a);
    /// Asks for one, which the end of the round begins.
    void claim() noexcept { claim_wanted_ = true; }
    bool begin_claim() noexcept;
    bool ask_claim();
    store::outbox_query claim_query();
    void on_claimed(error_code ec, store::outbox_claim c, io::system_time at);
    void take_claimed(error_code ec, store::outbox_claim& c, std::size_t& taken,
                      io::system_time at);
    void recover(std::uint64_t after_key);
    void on_listed(error_code ec, const std::vector<store::outbox_listed>& page);
    void take_listed(error_code ec, const std::vector<store::outbox_listed>& page);
    void claim_later(error_code ec) noexcept;
    bool hold(const store::outbox_entry& e);
    void give_back();
    bool is_expired(const store::outbox_entry& e) const;
    bool sheds_expired(line& l);
    std::optional<store::outbox_gathering> gathering_of(const line& l) const;
    void form_requests(const std::string& id, line& l);
    void unbatch(line& l);
    void drop_unstored() noexcept;
    static bool splits(const parcel& p, const attempt& a) noexcept;
    void split(endpoint_target& t, const parcel& p, const ended_attempt& a);
    void add_results(std::vector<store::outbox_result> results);
    void reserve_results(std::size_t more);
    void run();
    void go_on(const std::vector<std::string>& ids, error_code ec = {});
    void wait_turn(const std::string& id);
    bool send(const std::shared_ptr<endpoint_target>& t, line& l, connection_turns::group g);
    void ask_consent(const std::shared_ptr<endpoint_target>& t, connection_turns::group g);
    void on_question_done(const attempt_trace& q, connection_turns::group g, error_code ec,
                          const http::response& r);
    void on_consent(endpoint_target& t, error_code why);
    using entry_ptr = std::shared_ptr<const store::outbox_entry>;
    using parcel_ptr = std::shared_ptr<const parcel>;
    void ask(const std::shared_ptr<endpoint_target>& t, const parcel_ptr& what,
             connection_turns::group g);
    using asked = pending_attempt;
    void on_answer(const asked& q, error_code ec, const http::response& r);
    void settle(const asked& q, error_code ec, const http::response& r);
    void log_attempt(const asked& q, const ended_attempt& a, error_code, const http::response& r);
    struct redelivery;
    void redeliver_more(const std::shared_ptr<redelivery>& r);
    void on_attempt_found(error_code ec, const std::vector<store::outbox_attempt>& found,
                          const std::string& suffix, store::outbox::done_handler h);
    ended_attempt judge(const asked& q, const store::outbox_entry& entry, error_code ec,
                        const http::response& r) const;
    std::shared_ptr<const retry_schedule> schedule_of(const endpoint_options& o,
                                                      error_code& ec) const;
    void conclude(endpoint_target& t, const parcel& p, const ended_attempt& a);
    store::outbox_result result_of(const endpoint_target& t, const store::outbox_entry& entry,
                                   const ended_attempt& a) const;
    void note_attempt(const endpoint_target& t, const store::outbox_entry& entry, const attempt& a,
                      error_code cause, const attempt_trace& trace);
    void put_back(line& l, const store::outbox_entry& entry, const ended_attempt* a = nullptr);
    void put_back_all(const std::string& id, line& l);
    void give_up(line& l, endpoint_target& t, error_code why);
    void give_up_one(endpoint_target& t, const store::outbox_entry& e, error_code why);
    void give_up_entry(const store::outbox_entry& e, error_code why);
    void give_up_owed(const std::string& id, error_code why, bool absent = false);
    void note_end(const endpoint_target* t, const store::outbox_entry& e,
                  const store::outbox_result& r, unsigned status = 0) noexcept;
    void note_dropped(const std::vector<store::outbox_entry>& dead) noexcept;
    void end_round();
    void end_round_and_report();
    bool finish() noexcept;
    bool start_finish(store::outbox_round& all);
    bool on_finished(error_code ec, std::vector<store::outbox_result> results, bool retries);
    void wake_at(io::system_time due);
    void retain(bool goes_on = false);
    void note_added(const std::string& after);
    void check_drained();
    bool gives_up() const noexcept;
    void end(error_code why);
    void release() noexcept;
    void report(const endpoint_target& t, const attempt& a);
    void note_gone(const endpoint_target& t, unsigned status);
    void report_changes();
    void publish_operational();
    std::shared_ptr<const hooks> hooks_now() const;

    const io::steady_time began_;
    const io::system_time wall_began_;
    std::shared_ptr<const hooks> hooks_;  // guarded by mutex_; null once it ended
    const sender_options options_;        // without hooks
    const std::shared_ptr<store::outbox> outbox_;
    store::detail::prompt_outbox* const prompt_;  // the same, where it is one
    const std::shared_ptr<const retry_schedule> schedule_;
    const address_guard guard_;
    const std::shared_ptr<lane> lane_;
    const std::shared_ptr<place_book> places_;
    const std::shared_ptr<outcome_book> outcomes_;

    endpoint_registry endpoints_;
    message_maker messages_;
    mutable std::mutex mutex_;                             // guards hooks_ and the next
    std::weak_ptr<batch> open_batch_;                      // takes more
    std::atomic<std::chrono::milliseconds> longest_wait_;  // of any schedule so far
    std::atomic<bool> taking_{true}, ended_{false};
    std::atomic<std::size_t> in_flight_{0};

    // In the lane.
    std::optional<http::client> http_;  // none: stopped
    std::unordered_map<std::string, line> lines_;
    attempt_traces traces_;
    prepared_endpoints prepared_;
    http::request request_{.method = "POST", .idempotent = true};  // the memory of each
    connection_turns turns_;  // of endpoints whose line waits for a connection
    attempt_gate gate_;
    std::unordered_map<std::string, endpoint_health> health_;
    std::vector<std::string> storing_;  // endpoints whose next batch is being stored
    std::vector<std::weak_ptr<const bool>> redeliveries_;  // under way, where not expired
    std::set<std::string> unopened_;                       // endpoints whose rows were not read
    std::set<std::string> changed_;                        // endpoints whose health is to be stored
    std::vector<endpoint_change> changes_;                 // to be reported
    operational_events operational_;                       // the same
    circuit_gauge circuits_;
    struct {
        changed_error opening, claiming, settling;
    } failed_;  // as the log has it
    ended_endpoints gone_;
    bool opening_ = false;
    std::vector<store::outbox_result> results_;
    std::vector<store::outbox_attempt> attempts_;  // to be logged with them
    // What is claimed and not known to be settled, by key, as it is given back.
    std::unordered_map<std::uint64_t, store::outbox_result> held_;
    wheel_timer again_;
    io::system_time wake_{io::system_time::max()};  // when again_ fires
    io::system_time last_retention_{}, last_sweep_{}, proxy_waits_end_{io::system_time::max()};
    wheel_timer drain_deadline_, passed_due_;
    std::vector<unique_function<void(error_code)>> drained_;
    std::size_t appending_ = 0;
    bool claiming_ = false, claim_wanted_ = false;
    bool claim_lost_ = false;  // one failed: the outbox may have made it all the same
    bool finishing_ = false;
    bool next_of_order_ = false;  // what is settled next lets another entry of its order follow
    std::uint64_t settlements_ = 0, settled_ = 0, answers_ = 0;  // begun; the last that succeeded
};

}  // namespace tidings::webhook::detail
