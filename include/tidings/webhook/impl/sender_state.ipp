// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/request_terms.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/webhook/impl/batch_plan.hpp>
#include <tidings/webhook/impl/endpoint_check.hpp>
#include <tidings/webhook/impl/sender_state.hpp>
#include <tidings/webhook/impl/target_client.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::milliseconds wait_none{0};

// Limits of batches where there are none would be passed over in silence.
bool has_good_batches(const endpoint_options& o) noexcept {
    constexpr std::chrono::hours longest_delay{24};
    if (o.form != body_form::batch) return o.batch == batch_options();
    return o.batch.max_events != 0 && o.batch.max_bytes != 0 && o.batch.max_delay.count() >= 0 &&
           o.batch.max_delay <= longest_delay;
}

// Else nothing would be sent, or more than was said.
sender_options with_connections(sender_options o) {
    if (o.max_connections == 0)
        throw std::invalid_argument("tidings::webhook::sender_options: max_connections is 0");
    return o;
}

}  // namespace

sender_state::sender_state(net::any_io_executor executor, sender_options options)
    : began_(options.environment.clock->now()),
      wall_began_(options.environment.clock->wall_now()),
      hooks_(std::make_shared<const hooks>(hooks{std::exchange(options.on_attempt, nullptr),
                                                 std::exchange(options.on_endpoint, nullptr)})),
      options_(with_connections(std::move(options))),
      outbox_(options_.outbox ? options_.outbox : store::make_memory_outbox()),
      prompt_(dynamic_cast<store::detail::prompt_outbox*>(outbox_.get())),
      schedule_(std::make_shared<const retry_schedule>(options_.retry)),
      guard_(options_.guard),
      lane_(lane::make(executor, *options_.environment.clock)),
      places_(lane_->make_resident<place_book>(
          lane_, outbox_, [clock = options_.environment.clock] { return clock->wall_now(); },
          options_.log)),
      outcomes_(std::make_shared<outcome_book>(
          lane_, outbox_, options_.max_outcomes, *options_.environment.random, wall_began_,
          [this](const std::string& id) {
              const auto t = endpoints_.find(id);
              return t && !t->active();
          },
          options_.log)),
      longest_wait_(schedule_->longest()),
      prepared_(options_.user_agent),
      turns_(options_.max_connections),
      gate_(lane_, *options_.environment.clock, options_.signing, options_.log,
            [this](const auto& ids, error_code ec) { go_on(ids, ec); }),
      operational_(options_.operational),
      circuits_(options_.metrics),
      again_([this] {
          wake_ = io::system_time::max();
          open_endpoints();
          claim();
          end_round_and_report();
      }),
      drain_deadline_([this] { end(errc::timed_out); }),
      passed_due_([this] {
          finds_memory([this] { write_passed({}, place_book::passes_between_writes, {}); });
      }) {
    http_.emplace(http::detail::client_in_lane(lane_, target_client_options(options_, guard_)));
    last_retention_ = now() - between_retentions + before_retention;
    watch_context(lane_->executor(), outcomes_);
}

error_code sender_state::check_target(const std::string& url) const {
    error_code ec;
    const auto target = http::url::parse(url, ec);
    return ec ? ec : guard_.check_url(target);
}

std::string_view sender_state::rule_against(const std::string& url) const {
    error_code ec;
    const auto literal = literal_address(http::url::parse(url, ec).host);
    const auto rule = literal ? guard_.refusal(*literal) : std::string_view();
    return rule.empty() ? "its port is not among those of the guard" : rule;
}

void sender_state::withdraw(endpoint_target& t) noexcept {
    t.withdraw();
    endpoints_.forget(t);
    on_endpoint_closed(t.name(), leaving::withdrawn);
}

// An order is worth little when one event holds up the others for days.
std::shared_ptr<const retry_schedule> sender_state::schedule_of(const endpoint_options& o,
                                                                error_code& ec) const {
    using namespace std::chrono_literals;
    if (!o.retry && o.order == delivery_order::any) return schedule_;
    auto options = o.retry.value_or(options_.retry);
    if (!o.retry) options.delays = {0s, 5s, 30s, 2min, 5min, 10min, 15min, 15min};
    try {
        return std::make_shared<const retry_schedule>(std::move(options));
    } catch (const std::invalid_argument&) {
        ec = errc::invalid_argument;
        return schedule_;
    }
}

std::shared_ptr<endpoint_state> sender_state::add(endpoint_options options, error_code& ec,
                                                  diagnostics* detail) {
    ec = taking_ ? check_target(options.url) : make_error_code(errc::closed);
    if (!ec && !has_good_batches(options)) ec = errc::invalid_argument;
    if (ec == errc::address_refused && detail != nullptr)
        *detail = diagnostics(std::string(rule_against(options.url)));
    if (ec) return nullptr;
    // A URL changes, and may be secret: it is no name for what stands in a file.
    if (options.id.empty() && outbox_->durable()) ec = errc::invalid_argument;
    if (ec && detail != nullptr) *detail = diagnostics("an outbox in a file needs its id");
    if (ec) return nullptr;
    const auto signs = make_signer(options, ec);
    if (ec) return nullptr;
    std::string what;
    ec = check_endpoint(options, signs.get(), what);
    if (ec && detail != nullptr) *detail = diagnostics(std::move(what));
    if (ec) return nullptr;
    if (options.id.empty()) options.id = options.url;
    options.max_in_flight = std::max<std::size_t>(options.max_in_flight, 1);
    auto schedule = schedule_of(options, ec);
    if (ec) return nullptr;
    auto longest = longest_wait_.load();
    const bool gathers = options.form == body_form::batch;
    const auto wait = schedule->longest() + (gathers ? options.batch.max_delay : wait_none);
    while (longest < wait && !longest_wait_.compare_exchange_weak(longest, wait)) {
    }
    const auto target = std::make_shared<endpoint_target>(std::move(options), std::move(schedule));
    if (!endpoints_.add(target)) ec = errc::webhook_duplicate;
    if (ec) return nullptr;
    auto state = std::make_shared<endpoint_state>(shared_from_this(), target);
    // A durable outbox may hold deliveries for it from before.
    std::set<std::string> one{target->id()};
    lane_->post([self = shared_from_this(), one = std::move(one)]() mutable {
        for (const auto& id : one) self->gone_.drop_over(id);
        self->unopened_.merge(one);
        self->open_endpoints();
    });
    return state;
}

// Lines take turns, so that a long one does not keep the others waiting.
void sender_state::wait_turn(const std::string& id) {
    const auto it = lines_.find(id);
    if (it == lines_.end() || it->second.queue.empty()) return;
    if (it->second.waiting) return;
    turns_.wait(id, group_of(id));
    it->second.waiting = true;
}

void sender_state::run() {
    while (!gives_up()) {
        const auto turn = turns_.next();
        if (!turn) return;
        const auto& id = turn->endpoint;
        auto& l = lines_[id];
        l.waiting = false;
        if (l.queue.empty()) continue;  // it was spared since
        const auto t = endpoints_.find(id);
        if (!t) {
            put_back_all(id, l);  // for when it is added again
            continue;
        }
        if (!t->active()) {
            give_up(l, *t, errc::closed);
            gone_.note_over(id);
            continue;
        }
        const auto most = health_of(*t).max_in_flight();
        if (l.in_flight >= most) continue;  // an answer brings it back
        if (l.queue.front().stored_with() > settled_) {
            storing_.push_back(id);  // the settlement brings it back
            continue;
        }
        if (!sheds_expired(l) && group_of(id) == turn->of) {
            const auto pass = gate_.admit(*t, l.queue, most);
            if (pass == attempt_gate::pass::ask) ask_consent(t, turn->of);
            if (pass != attempt_gate::pass::open) continue;  // it is brought back
            if (health_of(*t).is_probed()) count_state(*t, true);
            if (!send(t, l, turn->of)) {
                wait_turn(id);
                continue;
            }
        } else if (l.queue.empty()) {
            gate_.dismiss(id);
        }  // else what it has done since it began to wait has changed its group
        if (l.in_flight < most) wait_turn(id);
    }
}

// They were held up, and are not any more. With an error more of them are: a claim looks at all.
void sender_state::go_on(const std::vector<std::string>& ids, error_code ec) {
    if (!running()) return;
    const bool turned = finds_memory([&] {
        for (const auto& id : ids) wait_turn(id);
    });
    if (!turned) ec = errc::out_of_memory;
    if (ec) claim_later(ec);
    end_round_and_report();
}

// False where the answer came in the call, as it does where the client finds no memory: the line
// may be gone then.
bool sender_state::send(const std::shared_ptr<endpoint_target>& t, line& l,
                        connection_turns::group g) {
    const auto answers = answers_;
    const auto what = std::make_shared<const parcel>(std::move(l.queue.front()));
    l.queue.pop_front();
    ++l.in_flight;
    ++in_flight_;
    turns_.begin(g);
    const bool begun = finds_memory([&] { ask(t, what, g); });
    if (answers_ != answers) {
        claim();
        return false;
    }
    if (begun) {
        if (l.more && l.is_short()) claim();
        return true;
    }
    --l.in_flight;
    --in_flight_;
    turns_.end(g);
    what->for_each([this](const auto& e) { let_go(e.key); });
    return true;
}

void sender_state::ask(const std::shared_ptr<endpoint_target>& t, const parcel_ptr& what,
                       connection_turns::group g) {
    const auto entry = what->is_batch() ? entry_of_batch(*what) : entry_ptr(what, &what->first);
    made_signature made;
    if (t->terms().async_signer) made = gate_.take_signature(t->id(), *what);
    error_code ec;
    const auto prepared = prepared_.of(t, ec);
    auto alike = prepared ? prepared->request : nullptr;
    if (std::string query; !ec) {
        ec = t->sign_request(*entry, options_.environment.clock->wall_now(), prepared->signs.get(),
                             made, request_.fields, query);
        if (!query.empty()) alike = alike->with_query(query);
    }
    const auto began = options_.environment.clock->now();
    const auto trace = std::make_shared<attempt_trace>(began, t);
    // Not owned by what is under way: that is owned by the client, which is ours.
    auto on_done = [weak = weak_from_this(), q = asked{t, what, entry, g, trace, began}](
                       error_code failed, const http::response& got) {
        if (const auto self = weak.lock()) self->on_answer(q, failed, got);
    };
    if (ec) return lane_->post([f = std::move(on_done), ec] { f(ec, {.status = 0}); });
    static const auto empty = std::make_shared<const std::string>();
    const auto& body = entry->message->body;
    traces_.add(*trace);
    http::detail::start_request(*http_, t->terms().url, request_,
                                {.prepared = std::move(alike),
                                 .further = entry->message->fields,
                                 .body = body ? body : empty,
                                 .trace = trace,
                                 .unproven = g == connection_turns::group::unproven},
                                {lane_->executor(), lane_->bind_here(std::move(on_done))});
}

// Until nothing more is to be done at once.
void sender_state::end_round() {
    bool finished = false, claimed = false;
    do {
        if (!running()) return;
        if (!finds_memory([this] { run(); })) claim_later(errc::out_of_memory);
        finished = finish();
        claimed = begin_claim();
    } while (finished || claimed);
    check_drained();
}

void sender_state::end_round_and_report() {
    end_round();
    finds_memory([this] { report_changes(); });
}

void sender_state::wake_at(io::system_time due) {
    if (due >= wake_) return;
    wake_ = due;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - now());
    again_.arm(lane_->timers(), std::max(wait, std::chrono::milliseconds(1)));
}

}  // namespace tidings::webhook::detail
