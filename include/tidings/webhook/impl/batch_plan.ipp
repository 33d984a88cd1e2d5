// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/control_event.hpp>
#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/webhook/impl/batch_plan.hpp>
#include <tidings/webhook/impl/batch_room.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

using indices = std::vector<std::size_t>;

// What an endpoint of another form was owed is not.
bool goes_in_batches(const store::outbox_entry& e) noexcept {
    return e.message->fields.empty() && e.message->content_type.starts_with(cloudevents_json_type);
}

std::size_t body_bytes(const store::outbox_entry& e) noexcept {
    return e.message->body ? e.message->body->size() : 0;
}

/// Plans batch by batch.
class batch_planner {
 public:
    batch_planner(const std::vector<store::outbox_entry>& claimed, const batch_options& o)
        : claimed_(claimed),
          options_(o) {}

    batch_plan run() {
        std::map<std::string, indices> stored;
        std::map<std::optional<std::string>, indices> loose;  // by partition
        for (std::size_t i = 0; i < claimed_.size(); ++i) {
            const auto& e = claimed_[i];
            if (!e.batch.id.empty())
                stored[e.batch.id].push_back(i);
            else
                loose[e.partition].push_back(i);
        }
        for (auto& [id, members] : stored) add_stored(id, std::move(members));
        for (auto& [partition, members] : loose) {
            if (partition) sort_by(members, [](const auto& e) { return e.key; });
            cut(members);
        }
        std::sort(plan_.requests.begin(), plan_.requests.end(), [](const auto& a, const auto& b) {
            return a.members.front() < b.members.front();
        });
        return std::move(plan_);
    }

 private:
    template <class Key>
    void sort_by(indices& members, Key key) const {
        std::sort(members.begin(), members.end(),
                  [&](auto a, auto b) { return key(claimed_[a]) < key(claimed_[b]); });
    }
    std::string id_of_all(const indices& members) const {
        std::vector<std::string_view> ids;
        for (const auto i : members) ids.emplace_back(id_of(claimed_[i]));
        return batch_id(ids);
    }
    // One that is not whole any more goes on as another.
    void add_stored(const std::string& id, indices members) {
        sort_by(members, [](const auto& e) { return e.batch.index; });
        const bool good = std::all_of(members.begin(), members.end(),
                                      [&](auto i) { return goes_in_batches(claimed_[i]); });
        if (good && id_of_all(members) == id)
            plan_.requests.push_back({std::move(members), id, true});
        else
            cut(members);
    }
    // In the order given. Of a partition one request goes at a time.
    void cut(const indices& members) {
        const bool ordered = claimed_[members.front()].partition.has_value();
        const auto before = plan_.requests.size();
        batch_room room;
        bool open = false;
        for (const auto i : members) {
            const auto& e = claimed_[i];
            const bool joins = goes_in_batches(e);
            if (open && joins && room.has_room_for(body_bytes(e), options_)) {
                plan_.requests.back().members.push_back(i);
            } else if (ordered && plan_.requests.size() > before) {
                const auto from = std::find(members.begin(), members.end(), i);
                plan_.rest.insert(plan_.rest.end(), from, members.end());
                break;
            } else {
                plan_.requests.push_back({{i}, {}, false});
                room = {};
                open = joins;
            }
            room.add(body_bytes(e));
        }
        for (auto r = before; r < plan_.requests.size(); ++r) {
            auto& request = plan_.requests[r];
            if (goes_in_batches(claimed_[request.members.front()]))
                request.batch = id_of_all(request.members);
        }
    }

    const std::vector<store::outbox_entry>& claimed_;
    const batch_options& options_;
    batch_plan plan_;
};

}  // namespace

batch_plan plan_batches(const std::vector<store::outbox_entry>& claimed, const batch_options& o) {
    return batch_planner(claimed, o).run();
}

std::string batch_id(const std::vector<std::string_view>& ids) {
    if (ids.size() == 1) return std::string(ids.front());
    std::string all;
    for (const auto id : ids) all.append(id).append("\n");
    return "msg_" + sha256_hex(all);
}

std::string batch_id(const parcel& p, std::size_t from, std::size_t count) {
    std::vector<std::string_view> ids;
    for (std::size_t i = from; i < from + count; ++i) ids.emplace_back(id_of(p.at(i)));
    return batch_id(ids);
}

std::shared_ptr<const store::outbox_entry> entry_of_batch(const parcel& p) {
    auto body = std::make_shared<std::string>();
    auto m = std::make_shared<store::outbox_message>();
    std::size_t bytes = 1;
    p.for_each([&](const auto& e) { bytes += body_bytes(e) + 1; });
    body->reserve(bytes);
    p.for_each([&](const auto& e) {
        *body += body->empty() ? '[' : ',';
        if (e.message->body) *body += *e.message->body;
        // An attempt with something that no event may be made about is one itself.
        if (m->topic.empty() || is_operational(e.message->topic)) m->topic = e.message->topic;
    });
    *body += ']';
    m->content_type = std::string(cloudevents_batch_type) + "; charset=utf-8";
    m->body = std::move(body);
    auto whole = std::make_shared<store::outbox_entry>();
    whole->key = p.first.key;
    whole->endpoint = p.first.endpoint;
    whole->message_id = whole->webhook_id = p.of->id;
    whole->message = std::move(m);
    whole->batch = {p.of->id, static_cast<std::uint32_t>(p.size())};
    whole->attempts = p.first.attempts;
    whole->due = p.first.due;
    return whole;
}

}  // namespace tidings::webhook::detail
