// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/api_call.hpp>
#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/rest_hook/impl/hook_reader.hpp>
#include <tidings/rest_hook/impl/proof_round.hpp>

#include <memory>
#include <optional>
#include <string>

namespace tidings::rest_hook::detail {

/// What makes, changes and ends subscriptions: reads the request, asks the authorizer, writes the
/// row, and answers. Two changes at once are made one after the other, as the table's revision
/// decides; those that name a revision (If-Match) only if it is still that. Safe from any thread,
/// each call in its lane.
class hook_editor final : public std::enable_shared_from_this<hook_editor> {
 public:
    explicit hook_editor(api_parts parts) : parts_(std::move(parts)) {}

    void create(const call_ptr& c);
    /// PUT, PATCH. @param kind replace or merge
    void change(const call_ptr& c, std::string id, reading::kind kind);
    void set_state(const call_ptr& c, std::string id, hook_state state);
    /// A new secret; the one before signs as well for a while.
    void rotate(const call_ptr& c, std::string id);
    /// One by a hub ends when its callback has been notified, or at once by a second call.
    void remove(const call_ptr& c, const std::string& id);

 private:
    /// A change of one row, begun again where another one came first.
    struct edit {
        using function = unique_function<refusal(const hook_view& before, hook_record& h)>;

        call_ptr call;
        std::string id;
        std::string if_match;  // empty: whatever the revision is
        function apply;
        bool asks = false;          // the authorizer, also where the topics stay
        bool shows_secret = false;  // in the answer: it was made
        bool is_placed = false;     // how far its filter has judged is stored
        std::optional<std::vector<std::string>> permitted{};
        http::detail::expiry_time permitted_until{};
        std::string question{};  // the token of the one that it begins; empty: none
        std::shared_ptr<void> reserved{};
        int tries = 0;
    };
    using edit_ptr = std::shared_ptr<edit>;

    edit_ptr make_edit(const call_ptr& c, std::string id, edit::function apply) const;
    void run(const edit_ptr& e);
    void ask(const edit_ptr& e, std::vector<std::string> topics);
    void write(const edit_ptr& e, const hook_view& before, hook_record h);
    void on_written(const edit_ptr& e, const hook_record& h, error_code ec, std::uint64_t revision);
    void answer_changed(const edit_ptr& e, const hook_record& h, std::uint64_t revision) const;
    void read_again(const edit_ptr& e);
    reading reading_of(reading::kind kind, const hook_view* before) const;
    proof_round round() const;
    refusal check_phase() const;
    refusal check_target(const std::string& url) const;
    void deny(const call_ptr& c, const std::string& id);
    void create_granted(const call_ptr& c, hook_record h);
    refusal check_pace(const std::string& owner) const;
    refusal refusal_of(const hook_list::reservation& r) const;
    void on_created(const call_ptr& c, const hook_record& h, bool shows_secret, error_code ec,
                    std::uint64_t revision);
    void answer_created(const call_ptr& c, const hook_record& h, bool shows_secret,
                        std::uint64_t revision) const;
    /// Calls `f` in the call's lane, within this call or later: with whether the outbox knows where
    /// the subscription begins. Not where the call was answered meanwhile: `late` then.
    void once_placed(const call_ptr& c, const std::string& id, unique_function<void()> late,
                     unique_function<void(bool)> f) const;
    void store_places(const edit_ptr& e, const hook_outlet::endpoint_ptr& of);
    io::system_time now() const { return parts_.options->environment.clock->wall_now(); }

    const api_parts parts_;
};

}  // namespace tidings::rest_hook::detail
