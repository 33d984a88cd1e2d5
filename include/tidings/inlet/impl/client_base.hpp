// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/diagnostics.hpp>
#include <tidings/drain.hpp>
#include <tidings/http/client.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/inlet/impl/client_run.hpp>
#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/inlet/impl/handover.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/inlet/impl/reconnector.hpp>

#include <atomic>

namespace tidings::detail {

/// What the clients of a stream share behind their handles: the one run, when they connect, wait
/// and give up, what is called and what is handed on, how they stop. Lane-confined behind a
/// thread-safe face.
template <class Options>
class client_base : public drainable, public context_dependent {
 public:
    void run(client_run::handler h) {
        run_.start(
            keep(), lane_, std::move(h),
            [](client_base& c) {
                if (!c.given_) return c.run_.finish(errc::closed);
                c.react({.what = reconnect_event::kind::start});
            },
            [](client_base& c) {
                c.react(
                    {.what = reconnect_event::kind::stop, .why = net::error::operation_aborted});
            });
    }
    void restart() {
        lane_->post([s = keep()] {
            const auto g = s->listening();
            if (!g) return;
            s->leave();
            s->again_.cancel();
            s->handover_->when_empty(nullptr);
            s->reconnector_ = reconnector(g->options.reconnect);
            s->react({.what = reconnect_event::kind::start});
        });
    }
    /// At once within the lane, else posted.
    void stop() noexcept {
        try {
            // It is posted in any case: the caller may hold the last reference.
            lane_->post([s = keep()] { s->stop_here(); });
            if (lane_->running_here()) stop_here();
        } catch (const std::bad_alloc&) {
            return;  // it ends with the context
        }
    }
    /// The handle is gone: no callback is called any more, and the client stops.
    virtual void release() noexcept {
        life_ = life::released;
        stop();
    }
    drain_role role() const noexcept override { return drain_role::streams; }
    void start_drain(unique_function<void(error_code)> done) override {
        lane_->post([s = keep(), done = std::move(done)]() mutable {
            if (!s->given_) return done({});
            if (!finds_memory([&] { s->run_.await_end(std::move(done)); }))
                done(errc::out_of_memory);
            s->stop_here();
        });
    }
    void on_context_end() noexcept override {
        run_.drop();
        handover_->stop();
        given_.reset();
    }

    net::any_io_executor executor() const noexcept { return lane_->executor(); }
    connection_state state() const noexcept { return state_; }
    origin_id id() const noexcept { return id_; }
    /// Up to where everything was accepted.
    std::string reached() const { return handover_->reached().value_or(std::string()); }
    delivery_counters counters() const noexcept { return handover_->counters(); }

 protected:
    /// What the user gave. Released at the end, while a callback runs once that has returned.
    struct given {
        Options options;
        inlet in;
    };
    /// Running; stopped, while its connection may still be closing; its handle gone.
    enum class life { running, stopping, released };

    client_base(const net::any_io_executor& executor, Options options,
                std::shared_ptr<subscriber> sink, std::string_view module, origin_id origin,
                std::optional<std::string> start)
        : module_(module),
          id_(make_origin()),
          lane_(lane::make(executor, *options.environment.clock)),
          environment_(options.environment),
          http_(http::detail::client_in_lane(lane_, http_options(options))),
          reconnector_(options.reconnect),
          again_([this] { react({.what = reconnect_event::kind::due}); }),
          handover_(std::make_shared<handover>(
              lane_, std::move(sink),
              handover_options{
                  module_, options.window, options.reconnect, std::move(start), options.log,
                  environment_,
                  [this] { react({.what = reconnect_event::kind::stop, .why = errc::closed}); },
                  [this] { on_room(); }})) {
        inlet in(options.topic, origin != 0 ? origin : id_, id_);
        given_ = std::make_shared<const given>(given{std::move(options), std::move(in)});
    }

    virtual std::shared_ptr<client_base> keep() = 0;
    virtual void connect() = 0;
    /// Leaves the connection, or what is to become one.
    virtual void leave() noexcept = 0;
    /// There is room for events again.
    virtual void on_room() = 0;
    virtual void stop_here() { react({.what = reconnect_event::kind::stop, .why = errc::closed}); }
    /// Where it connects to, for the user.
    virtual std::string place() const { return loggable_url(given_->options.url); }

    /// What may still be called; null once the client was stopped or has ended.
    std::shared_ptr<const given> listening() const {
        return life_ == life::running ? given_ : nullptr;
    }
    void tell(connection_state s, error_code ec, const diagnostics& text = {}) {
        state_ = s;
        tell(given_, s, ec, text);
    }
    /// The same of what is about to be released.
    void tell(const std::shared_ptr<const given>& g, connection_state s, error_code ec,
              const diagnostics& text) {
        if (!g || life_ == life::released) return;
        guarded(g->options.log, module_, [&] {
            if (g->options.on_state) g->options.on_state(s, ec, text);
        });
    }
    /// Where memory for it is missing, the connection counts as lost, and nothing is said of it.
    void react(const reconnect_event& e, std::string_view cause = {}) {
        if (!given_ || finds_memory([&] { act(e, cause); }) || !given_) return;
        const auto again =
            reconnector_.resume({.what = reconnect_event::kind::lost, .why = errc::out_of_memory},
                                environment_.clock->now(), environment_.random->next());
        leave();
        const bool waits = again.what == reconnect_action::kind::wait;
        if (!waits && reconnector_.state() != connection_state::waiting)
            return end(true, errc::out_of_memory, {});
        state_ = connection_state::waiting;
        if (waits || !again_.armed())
            again_.arm(lane_->timers(), waits ? again.after : std::chrono::seconds(1));
    }
    /// The fields that the user wants in a request. `on_request` may stop the client.
    http::fields own_fields() {
        const auto g = given_;
        auto fields = g->options.fields;
        if (!g->options.token.empty()) fields.set("Authorization", "Bearer " + g->options.token);
        guarded(g->options.log, module_, [&] {
            if (g->options.on_request && life_ != life::released) g->options.on_request(fields);
        });
        return fields;
    }
    /// Whether an answer that is not the one hoped for may be followed by another.
    bool may_ask_again(const http::response& answer, bool again) {
        const auto g = given_;
        guarded(g->options.log, module_, [&] {
            if (g->options.on_refused && life_ != life::released)
                again = g->options.on_refused(answer, again);
        });
        return again;
    }
    /// Hands an event on. @error errc::out_of_memory: it was not, and is to come again; what is
    /// wrong with it: it is passed
    error_code take(const given& g, wire_event&& e, position remote,
                    std::optional<std::string> at) {
        if (!handover_->has_sink()) {
            if (at) handover_->pass(std::move(*at));
            return {};
        }
        error_code ec;
        auto p = g.in.take(std::move(e), std::move(remote), ec);
        if (ec == errc::out_of_memory) return ec;
        if (!ec) return handover_->push(std::move(p), std::move(at));
        handover_->refuse(ec, std::move(at));
        return ec;
    }

    const std::string_view module_;
    const origin_id id_;
    const std::shared_ptr<lane> lane_;
    const io::environment environment_;
    std::shared_ptr<const given> given_;  // null: ended
    std::atomic<life> life_{life::running};
    http::client http_;
    io::canceller connecting_;
    reconnector reconnector_;

 private:
    void act(const reconnect_event& e, std::string_view cause) {
        using kind = reconnect_action::kind;
        const auto action =
            reconnector_.resume(e, environment_.clock->now(), environment_.random->next());
        diagnostics text;
        const bool stopped = e.what == reconnect_event::kind::stop;
        if (action.why && !(stopped && action.why == errc::closed))
            text = diagnostics(place() + ": " +
                               (cause.empty() ? action.why.message() : std::string(cause)));
        switch (action.what) {
            case kind::nothing:
                return;
            case kind::connect:
                return connect();
            case kind::wait:
                leave();
                again_.arm(lane_->timers(), action.after);
                return tell(connection_state::waiting, action.why, text);
            case kind::stop:
                if (stopped) return end(false, action.why, text);
                // What has come is handed over first.
                leave();
                return handover_->when_empty(
                    [this, why = action.why, text] { end(true, why, text); });
        }
    }
    void end(bool gives_up, error_code why, const diagnostics& text) {
        const auto g = std::exchange(given_, nullptr);
        auto running = life::running;
        life_.compare_exchange_strong(running, life::stopping);
        handover_->stop();
        again_.cancel();
        leave();
        state_ = connection_state::stopped;
        if (gives_up && g->options.log)
            finds_memory([&] {
                g->options.log(
                    {log_level::warning, module_, "the client gives up: " + text.message(), why});
            });
        tell(g, connection_state::stopped, why, text);
        run_.finish(why);
    }

    client_run run_;
    wheel_timer again_;
    std::atomic<connection_state> state_{connection_state::stopped};

 protected:
    const std::shared_ptr<handover> handover_;
};

}  // namespace tidings::detail
