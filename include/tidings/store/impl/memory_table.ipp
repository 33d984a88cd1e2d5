// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/store/impl/watcher_list.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/unique_function.hpp>

#include <deque>
#include <map>
#include <mutex>
#include <optional>

namespace tidings::store {

namespace {

class memory_table final : public table {
 public:
    void start_get(std::string key, get_handler h) override {
        perform([&](step& s) {
            const auto it = rows_.find(key);
            const bool known = it != rows_.end();
            s.completes(std::move(h), known ? error_code() : errc::not_found,
                        known ? it->second : row());
        });
    }

    void start_put(std::string key, std::string value, std::uint64_t expected,
                   put_handler h) override {
        perform([&](step& s) {
            const auto it = rows_.find(key);
            const auto revision = it == rows_.end() ? 0 : it->second.revision;
            if (revision != expected)
                return s.completes(std::move(h), errc::store_conflict, revision);
            row next{key, std::move(value), last_revision_ + 1};
            s.change = next;
            s.completes(std::move(h), error_code(), next.revision);
            auto& there = rows_[std::move(key)];
            // Nothing throws from here on.
            last_revision_ = next.revision;
            there = std::move(next);
        });
    }

    void start_erase(std::string key, std::uint64_t expected, erase_handler h) override {
        perform([&](step& s) {
            const auto it = rows_.find(key);
            if (it == rows_.end()) return s.completes(std::move(h), errc::not_found);
            if (expected != 0 && it->second.revision != expected)
                return s.completes(std::move(h), errc::store_conflict);
            s.change = {std::move(key), {}, 0};
            s.completes(std::move(h), error_code());
            rows_.erase(it);
        });
    }

    void start_scan(std::string after, std::size_t max, scan_handler h) override {
        perform([&](step& s) {
            std::vector<row> page;
            for (auto it = rows_.upper_bound(after); it != rows_.end() && page.size() < max; ++it)
                page.push_back(it->second);
            s.completes(std::move(h), error_code(), std::move(page));
        });
    }

    watch_handle watch(std::function<void(const row_change&)> f) override {
        return watchers_->add(std::move(f));
    }

 private:
    /// One operation, done, of which the watchers and the caller are still to be notified.
    struct step {
        std::optional<row_change> change{};
        tidings::unique_function<void()> complete{};

        template <class Handler, class... Values>
        void completes(Handler&& h, error_code ec, Values... values) {
            complete = [h = std::forward<Handler>(h), ec, ... v = std::move(values)]() mutable {
                std::move(h)(ec, std::move(v)...);
            };
        }
    };

    // A watcher may call the table: its change is reported once every watcher knows the one before.
    template <class F>
    void perform(F f) {
        const auto keep = shared_from_this();  // a completion may be the last to need it
        const std::lock_guard lock(mutex_);
        auto& made = steps_.emplace_back();
        try {
            f(made);
        } catch (...) {
            steps_.pop_back();
            throw;
        }
        if (std::exchange(telling_, true)) return;
        const struct turn {
            bool& telling;
            ~turn() { telling = false; }
        } mine{telling_};
        while (!steps_.empty()) {
            step s = std::move(steps_.front());
            steps_.pop_front();
            if (s.change) watchers_->tell(*s.change);
            tidings::detail::guarded({}, "table", s.complete);
        }
    }

    std::recursive_mutex mutex_;
    std::deque<step> steps_;
    bool telling_ = false;
    std::map<std::string, row> rows_;
    std::uint64_t last_revision_ = 0;
    std::shared_ptr<detail::watcher_list> watchers_ = std::make_shared<detail::watcher_list>();
};

}  // namespace

std::shared_ptr<table> make_memory_table() {
    return std::make_shared<memory_table>();
}

}  // namespace tidings::store
