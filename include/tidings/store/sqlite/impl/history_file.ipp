// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/event_row.hpp>
#include <tidings/store/sqlite/impl/history_file.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <map>

namespace tidings::sqlite::detail {

namespace {

constexpr std::int64_t evicted_at_once = 256;
// Beyond so many epochs those are forgotten of which nothing is held: a position of one is a gap.
constexpr std::int64_t max_epochs = 4096;

std::int64_t signed_of(std::uint64_t v) noexcept {
    return static_cast<std::int64_t>(v);
}

std::uint64_t unsigned_of(std::int64_t v) noexcept {
    return static_cast<std::uint64_t>(v);
}

std::string insert_event_sql() {
    return std::string("INSERT INTO events (") + event_columns +
           ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
}

}  // namespace

std::optional<std::size_t> ring_of(std::span<const history_rule> rules,
                                   std::string_view topic) noexcept {
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (!topic_matches(rules[i].pattern, topic)) continue;
        if (rules[i].max_events == 0) return std::nullopt;
        return i;
    }
    return std::nullopt;
}

history_file::history_file(connection& c, body_store& bodies, event_keys& keys,
                           std::vector<history_rule> rules)
    : connection_(c),
      bodies_(bodies),
      keys_(keys),
      rules_(std::move(rules)),
      insert_(c, insert_event_sql()),
      oldest_(c,
              "SELECT offset, size, stored, topic, body, flags, source, id FROM events "
              "WHERE ring = ? ORDER BY offset LIMIT ?"),
      erase_(c, "DELETE FROM events WHERE offset = ?"),
      note_lost_(c,
                 "INSERT INTO lost (ring, topic, offset) VALUES (?, ?, ?) "
                 "ON CONFLICT (ring, topic) DO UPDATE SET offset = excluded.offset"),
      forget_(c, "DELETE FROM lost WHERE ring = ? AND offset <= ?"),
      set_forgotten_(c, "UPDATE rings SET forgotten = ? WHERE id = ?"),
      set_head_(c, "UPDATE epochs SET last = ? WHERE id = (SELECT max(id) FROM epochs)") {}

loaded_history history_file::load(std::uint64_t epoch, std::int64_t now) {
    loaded_history loaded;
    load_lost(loaded);
    if (!has_same_rules()) fit_to_rules(loaded.lost);
    for (const auto& l : loaded.lost) forgotten_.push_back(l.forgotten());
    count();
    load_epochs(loaded, epoch, now);
    statement all(connection_, "SELECT source, id, offset FROM events WHERE flags & ?");
    auto r = all.query(own_id_flag);
    while (r.next())
        loaded.keys.emplace_back(keys_.of(r.text(0), r.text(1)), unsigned_of(r.number(2)));
    return loaded;
}

void history_file::load_lost(loaded_history& loaded) {
    statement rings(connection_, "SELECT pattern, forgotten FROM rings ORDER BY id");
    auto ring = rings.query();
    while (ring.next()) {
        loaded.lost.emplace_back(std::string(ring.text(0)));
        loaded.lost.back().forget_through(unsigned_of(ring.number(1)));
    }
    statement lost(connection_, "SELECT ring, topic, offset FROM lost ORDER BY offset");
    auto one = lost.query();
    while (one.next())
        if (const auto i = unsigned_of(one.number(0)); i < loaded.lost.size())
            loaded.lost[i].note(one.text(1), unsigned_of(one.number(2)));
}

bool history_file::has_same_rules() {
    statement rings(connection_, "SELECT pattern FROM rings ORDER BY id");
    auto r = rings.query();
    std::size_t i = 0;
    for (; r.next(); ++i)
        if (i >= rules_.size() || r.text(0) != rules_[i].pattern) return false;
    return i == rules_.size();
}

// Rows of topics that no rule keeps any more go to a ring behind the others, which has room for
// none. They are lost to the first ring, and so are the topics that were lost before: which ring a
// topic was lost by matters to the bound of their number only.
void history_file::fit_to_rules(std::vector<lost_topics>& lost) {
    std::uint64_t forgotten = 0;
    for (const auto& l : lost) forgotten = std::max(forgotten, l.forgotten());
    std::vector<std::pair<std::string, std::uint64_t>> topics;
    {
        statement all(connection_,
                      "SELECT topic, max(offset) FROM (SELECT topic, offset FROM lost UNION ALL "
                      "SELECT topic, 0 FROM events) GROUP BY topic ORDER BY 2");
        auto r = all.query();
        while (r.next()) topics.emplace_back(r.text(0), unsigned_of(r.number(1)));
    }
    connection_.execute("DELETE FROM rings; DELETE FROM lost");
    statement add_ring(connection_, "INSERT INTO rings (id, pattern, forgotten) VALUES (?, ?, ?)");
    lost.clear();
    for (const auto& rule : rules_) {
        add_ring.run(signed_of(lost.size()), rule.pattern, signed_of(forgotten));
        lost.emplace_back(rule.pattern);
        lost.back().forget_through(forgotten);
    }
    if (rules_.empty()) return;
    statement move(connection_, "UPDATE events SET ring = ? WHERE topic = ? AND ring <> ?");
    for (const auto& [topic, offset] : topics) {
        const auto ring = detail::ring_of(rules_, topic);
        const auto to = signed_of(ring.value_or(rules_.size()));
        move.run(to, topic, to);
        if (offset == 0) continue;
        lost[ring.value_or(0)].note(topic, offset);
        note_lost_.run(signed_of(ring.value_or(0)), topic, signed_of(offset));
    }
}

void history_file::count() {
    if (rules_.empty()) return;
    totals_.assign(rules_.size() + 1, {});
    statement all(connection_,
                  "SELECT ring, count(*), sum(size), min(stored) FROM events GROUP BY ring");
    auto r = all.query();
    while (r.next())
        if (const auto i = unsigned_of(r.number(0)); i < totals_.size())
            totals_[i] = {static_cast<std::size_t>(r.number(1)),
                          static_cast<std::size_t>(r.number(2)), r.number(3)};
}

void history_file::load_epochs(loaded_history& loaded, std::uint64_t epoch, std::int64_t now) {
    statement(connection_,
              "DELETE FROM epochs WHERE id <= (SELECT max(id) FROM epochs) - ? AND "
              "last < ifnull((SELECT min(offset) FROM events), last + 1)")
        .run(max_epochs);
    {
        statement all(connection_, "SELECT epoch, first, last FROM epochs ORDER BY id");
        auto r = all.query();
        while (r.next())
            loaded.epochs.add(
                {unsigned_of(r.number(0)), unsigned_of(r.number(1)), unsigned_of(r.number(2))});
    }
    head_ = noted_head_ = loaded.epochs.next_first();
    loaded.epochs.add({epoch, head_, head_});
    statement(connection_, "INSERT INTO epochs (epoch, first, last, opened) VALUES (?, ?, ?, ?)")
        .run(signed_of(epoch), signed_of(head_), signed_of(head_), now);
}

std::uint64_t history_file::append(const publication& e, std::string_view data, std::size_t size,
                                   std::size_t ring, std::int64_t now) {
    event_place at{signed_of(head_ + 1), signed_of(ring), now, signed_of(size)};
    if (!data.empty()) at.body = bodies_.add(data);
    insert_event(insert_, e, at);
    auto& t = totals_[ring];
    if (t.events == 0) t.oldest = now;
    ++t.events;
    t.bytes += size;
    return ++head_;
}

bool history_file::is_over(std::size_t ring, const ring_totals& t,
                           std::int64_t now) const noexcept {
    if (ring == rules_.size()) return t.events != 0;
    const auto& rule = rules_[ring];
    const bool is_old = rule.max_age.count() != 0 && now - t.oldest > rule.max_age.count();
    return t.events != 0 &&
           (is_old || t.events > rule.max_events || (t.bytes > rule.max_bytes && t.events > 1));
}

bool history_file::evict(std::int64_t now, eviction_limit limit, std::vector<evicted_event>& gone) {
    for (std::size_t ring = 0; ring < totals_.size(); ++ring) {
        while (is_over(ring, totals_[ring], now)) {
            if (limit.events == 0 || limit.bytes == 0) return false;
            evict_from(ring, now, limit, gone);
        }
    }
    return true;
}

// Takes some of the oldest. `oldest` of the totals is that of the first that stays.
void history_file::evict_from(std::size_t ring, std::int64_t now, eviction_limit& limit,
                              std::vector<evicted_event>& gone) {
    auto& t = totals_[ring];
    const auto lost_to = ring < rules_.size() ? ring : 0;
    auto r = oldest_.query(signed_of(ring), evicted_at_once);
    std::size_t found = 0;
    for (; r.next(); ++found) {
        t.oldest = r.number(2);
        if (limit.events == 0 || limit.bytes == 0 || !is_over(ring, t, now)) return;
        evicted_event e{lost_to, unsigned_of(r.number(0)), std::string(r.text(3)), std::nullopt};
        if ((r.number(5) & own_id_flag) != 0) e.key = keys_.of(r.text(6), r.text(7));
        if (!r.is_null(4)) bodies_.release(r.number(4));
        erase_.run(r.number(0));
        const auto size = static_cast<std::size_t>(r.number(1));
        --t.events;
        t.bytes -= size;
        --limit.events;
        limit.bytes -= std::min(limit.bytes, size);
        gone.push_back(std::move(e));
    }
    if (found == 0 || t.events == 0) t = {};
}

void history_file::note(std::span<const evicted_event> gone,
                        std::span<const std::uint64_t> forgotten) {
    if (head_ != noted_head_) set_head_.run(signed_of(head_));
    noted_head_ = head_;
    std::map<std::pair<std::size_t, std::string_view>, std::uint64_t> newest;
    for (const auto& e : gone) newest[{e.ring, e.topic}] = e.offset;
    for (const auto& [of, offset] : newest)
        note_lost_.run(signed_of(of.first), of.second, signed_of(offset));
    for (std::size_t i = 0; i < forgotten.size(); ++i) {
        if (forgotten[i] == forgotten_[i]) continue;
        forgotten_[i] = forgotten[i];
        forget_.run(signed_of(i), signed_of(forgotten[i]));
        set_forgotten_.run(signed_of(forgotten[i]), signed_of(i));
    }
}

}  // namespace tidings::sqlite::detail
