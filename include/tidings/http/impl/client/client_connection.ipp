// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/client_connection.hpp>
#include <tidings/http/impl/client/client_state.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/text/impl/ascii.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>

namespace tidings::http::detail {

using namespace tidings::detail;

bool is_readable(const response& r, bool encoding_given) noexcept {
    const auto encoding = r.fields.find("Content-Encoding");
    return !encoding || encoding_given || encoding->empty() ||
           equal_ignoring_case(*encoding, "identity");
}

error_code connection_error(const error_code& ec) noexcept {
    if (ec.category() == errc_category()) return ec;
    const bool of_system = ec.category() == boost::system::system_category();
    return of_system && ec != net::error::operation_aborted ? ec : errc::connection_failed;
}

client_connection::client_connection(client_state& s, origin_pool& p)
    : state_(s),
      pool_(p),
      reader_(s.options().max_header_bytes),
      deadline_([this] { on_deadline(); }),
      made_(s.options().environment.clock->now()),
      max_age_(s.options().max_connection_age) {
    const auto spread = static_cast<std::uint64_t>(max_age_.count() / 5 + 1);
    max_age_ -= std::chrono::milliseconds(s.options().environment.random->next() % spread);
}

std::chrono::milliseconds client_connection::age() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        state_.options().environment.clock->now() - made_);
}

namespace {

// Whether the name is looked up here, and not by the network.
bool is_resolved_here(const client_options& o, const client_question& asked) {
    error_code not_an_address;
    net::ip::make_address(asked.target->to.host, not_an_address);
    return not_an_address && o.unix_path.empty() &&
           (o.keep_addresses.count() > 0 || asked.terms.unproven);
}

// Notes in a trace what the filter refuses.
void trace_filter(const std::shared_ptr<exchange_trace>& trace, io::connect_options& how) {
    if (!trace || !how.address_filter) return;
    how.address_filter = [weak = std::weak_ptr(trace),
                          filter = std::move(how.address_filter)](const net::ip::address& a) {
        if (filter(a)) return true;
        if (const auto live = weak.lock(); live && !live->refused) live->refused = a;
        return false;
    };
}

}  // namespace

void client_connection::connect(std::shared_ptr<client_job> job) {
    job_ = std::move(job);
    job_->connection = this;
    const auto& o = state_.options();
    auto& lane = state_.lane();
    deadline_.arm(lane.timers(), o.connect_timeout);
    if (const auto& trace = job_->asked.terms.trace) trace->restart(o.environment.clock->now());
    auto how = connecting_to(job_->asked.target->to, o, pool_.tls.get());
    trace_filter(job_->asked.terms.trace, how);
    const auto& each = o.phases;
    if (job_->asked.terms.trace || (each.resolve + each.connect + each.tls).count() != 0)
        how.on_phase = [weak = weak_from_this()](auto p, const auto& to) {
            if (const auto self = weak.lock()) self->on_phase(p, to);
        };
    if (!is_resolved_here(o, job_->asked)) return connect_to(std::move(how));
    const auto* known = state_.addresses().find(how.host, o.environment.clock->now());
    if (known == nullptr) return resolve(std::move(how));
    how.addresses = *known;
    connect_to(std::move(how));
}

void client_connection::resolve(io::connect_options how) {
    if (how.on_phase) on_phase(io::connect_phase::resolve, {});
    const auto resolving = job_->asked.terms.unproven ? &io::network::start_resolve_unproven
                                                      : &io::network::start_resolve;
    auto& network = *state_.options().environment.network;
    auto host = how.host;
    const auto port = how.port;
    cancel_connecting_ = (network.*resolving)(
        state_.lane().executor(), std::move(host), port,
        [weak = weak_from_this(), how = std::move(how)](
            error_code ec, const std::vector<io::socket_address>& found) mutable {
            if (const auto self = weak.lock()) self->on_resolved(ec, std::move(how), found);
        });
}

void client_connection::on_resolved(error_code ec, io::connect_options how,
                                    const std::vector<io::socket_address>& found) {
    if (phase_ != phase::connecting) return;
    cancel_connecting_ = nullptr;
    if (!ec && found.empty()) ec = errc::name_not_resolved;
    if (ec) return fail(connection_error(ec));
    const auto go_on = [&] {
        const auto& o = state_.options();
        for (const auto& each : found) how.addresses.push_back(each.address);
        if (o.keep_addresses.count() > 0)
            state_.addresses().put(how.host, how.addresses,
                                   o.environment.clock->now() + o.keep_addresses);
        connect_to(std::move(how));
    };
    if (!finds_memory(go_on)) end(errc::out_of_memory);
}

void client_connection::connect_to(io::connect_options how) {
    cancel_connecting_ = state_.options().environment.network->start_connect(
        state_.lane().executor(), std::move(how),
        [weak = weak_from_this()](error_code ec, io::stream_ptr stream) {
            if (const auto self = weak.lock()) self->on_connected(ec, std::move(stream));
        });
}

namespace {

using traced = exchange_trace::phase;

std::string text_of(const io::socket_address& a) {
    const auto address = a.address.to_string();
    return (a.address.is_v6() ? '[' + address + ']' : address) + ':' + std::to_string(a.port);
}

}  // namespace

void client_connection::note(traced p) noexcept {
    const auto& trace = job_->asked.terms.trace;
    if (trace) trace->begin(p, state_.options().environment.clock->now());
}

// Within what is left of the time for all of them.
void client_connection::on_phase(io::connect_phase p, const io::socket_address& to) {
    if (phase_ != phase::connecting || !job_) return;
    if (to.port != 0 && job_->asked.terms.trace)
        finds_memory([&] { job_->asked.terms.trace->address = text_of(to); });
    if (connecting_ == p) return;  // another address
    connecting_ = p;
    const auto& o = state_.options();
    const bool resolves = p == io::connect_phase::resolve;
    const bool connects = p == io::connect_phase::connect;
    note(resolves ? traced::resolve : connects ? traced::connect : traced::tls);
    const auto most = resolves ? o.phases.resolve : connects ? o.phases.connect : o.phases.tls;
    const auto left = std::max(o.connect_timeout - age(), std::chrono::milliseconds(0));
    deadline_.arm(state_.lane().timers(), most.count() != 0 ? std::min(most, left) : left);
}

void client_connection::on_connected(error_code ec, io::stream_ptr stream) {
    if (phase_ != phase::connecting) return;
    cancel_connecting_ = nullptr;
    if (ec) return fail(connection_error(ec));
    const auto self = shared_from_this();
    const auto go_on = [&] {
        wire_.emplace(std::move(stream), *this, &state_.lane());
        begin();
    };
    if (!finds_memory(go_on)) end(errc::out_of_memory);
}

void client_connection::send(std::shared_ptr<client_job> job) {
    reused_ = true;
    leave_idle();
    job_ = std::move(job);
    job_->connection = this;
    begin();
}

void client_connection::begin() {
    phase_ = phase::busy;
    const auto first_byte = state_.options().phases.first_byte;
    first_byte.count() != 0 ? deadline_.arm(state_.lane().timers(), first_byte)
                            : deadline_.cancel();
    answered_ = false;
    interim_ = 0;
    reader_.reset();
    if (job_->asked.to_head) reader_.expect_no_body();
    note(traced::write);
    if (const auto& trace = job_->asked.terms.trace; trace && trace->address.empty())
        finds_memory([&] {
            if (address_.empty()) address_ = wire_->stream().remote_address();
            trace->address = address_;
        });
    if (wire_->write(std::move(job_->asked.text), nullptr, job_->asked.terms.body))
        note(traced::first_byte);
    wire_->read();
}

void client_connection::on_deadline() {
    const auto self = shared_from_this();
    if (phase_ == phase::connecting) return fail(errc::timed_out);
    if (phase_ == phase::busy) return end(errc::timed_out);  // nothing of an answer came
    close();                                                 // idle for long enough
    state_.serve(pool_);
}

// A peer may answer and close before it has read everything: what it answered comes as a read, and
// if nothing comes, so does the error.
void client_connection::on_written(error_code ec) {
    if (!ec && phase_ == phase::busy && !answered_) note(traced::first_byte);
}

void client_connection::on_read(error_code ec, std::string_view bytes) {
    const auto self = shared_from_this();
    if (!finds_memory([&] { take(ec, bytes); })) end(errc::out_of_memory);
}

void client_connection::take(error_code ec, std::string_view bytes) {
    if (phase_ == phase::idle) {
        close();  // gone, or it speaks without being asked
        return state_.serve(pool_);
    }
    if (ec) {
        error_code unused;
        const bool ended = ec == net::error::eof && reader_.end(unused) == read_step::complete;
        return ended ? complete() : fail(connection_error(ec));
    }
    if (!std::exchange(answered_, true)) {
        deadline_.cancel();
        note(traced::body);
    }
    reader_.append(bytes);
    process();
}

void client_connection::process() {
    for (;;) {
        error_code ec;
        const auto step = reader_.next(ec);
        if (step == read_step::more) return wire_->read();
        if (step == read_step::header) ec = on_header();
        if (ec) return fail(ec);
        if (step != read_step::complete) continue;
        if (reader_.message().status >= 200) return complete();
        reader_.reset();
        if (job_->asked.to_head) reader_.expect_no_body();
    }
}

error_code client_connection::on_header() {
    reader_.limit_body(state_.options().max_response_bytes);
    const auto status = reader_.message().status;
    if (status >= 200) {
        const bool readable = is_readable(reader_.message(), job_->asked.encoding_given);
        return readable || !reader_.frame().has_body ? error_code() : errc::unsupported_encoding;
    }
    // Nobody asked to switch protocols.
    return status == 101 || ++interim_ > max_interim_answers ? errc::bad_request : error_code();
}

void client_connection::complete() {
    const auto self = shared_from_this();
    const auto job = std::exchange(job_, nullptr);
    auto answer = std::move(reader_.message());
    if (!is_reusable() || !finds_memory([this] { rest(); })) close();
    finds_memory([this] { state_.serve(pool_); });  // else those wait
    job->finish({}, std::move(answer));
}

// Before the job's deadline is cancelled: so the lane always has one, and its timer stays as it is.
void client_connection::rest() {
    phase_ = phase::idle;
    auto left = state_.options().keep_alive;
    if (max_age_.count() > 0) left = std::min(left, max_age_ - age());
    deadline_.arm(state_.lane().timers(), left);
    pool_.idle.push_back(this);
    state_.add_idle(place_);
    wire_->read();  // to learn when the peer closes
}

bool client_connection::is_reusable() const {
    const auto& o = state_.options();
    return reader_.frame().keep_alive && !wire_->writing() && reader_.buffered() == 0 &&
           o.keep_alive.count() > 0 && pool_.idle.size() < o.max_idle_per_origin &&
           (max_age_.count() <= 0 || age() < max_age_);
}

void client_connection::fail(error_code ec) {
    const bool stale = reused_ && !answered_;
    const auto self = shared_from_this();
    if (!stale || !job_->asked.idempotent) return end(ec);
    auto job = job_;
    job->asked.text = wire_->take_written();
    close();
    if (!finds_memory([&] { state_.connect_again(job); })) job->abort(errc::out_of_memory);
}

response client_connection::take_head() {
    auto& so_far = reader_.message();
    if (phase_ != phase::busy || so_far.status < 200) return no_answer();
    return {.status = so_far.status, .fields = std::move(so_far.fields)};
}

void client_connection::end(error_code ec) {
    const auto self = shared_from_this();
    const auto job = job_;
    auto answer = take_head();
    close();
    finds_memory([this] { state_.serve(pool_); });  // else those wait
    if (job) job->finish(ec, std::move(answer));
}

void client_connection::abandon() noexcept {
    phase_ = phase::closed;
    deadline_.cancel();
    cancel_connecting_ = nullptr;
    wire_.reset();
    job_.reset();
}

void client_connection::close() {
    const auto self = shared_from_this();
    if (phase_ == phase::closed) return;
    // It may have moved.
    if (phase_ == phase::connecting && job_) state_.addresses().forget(job_->asked.target->to.host);
    phase_ = phase::closed;
    deadline_.cancel();
    if (cancel_connecting_) std::exchange(cancel_connecting_, nullptr)();
    wire_.reset();
    if (job_) job_->connection = nullptr;
    job_.reset();
    std::erase(pool_.idle, this);
    leave_idle();
    state_.count_closed();
    pool_.connections.erase(self);
}

void client_connection::leave_idle() noexcept {
    if (place_.empty()) state_.remove_idle(place_, at_);
}

}  // namespace tidings::http::detail
