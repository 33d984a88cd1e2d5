// SPDX-License-Identifier: BSL-1.0
// An integration as its author writes it for Zapier's platform: a REST hook trigger, and the API's
// token as its authentication. `bundle.authData.api` is where the manager is mounted.
import { createRequire } from "node:module";

export const zapier = createRequire(import.meta.url)("zapier-platform-core");

const unsubscribeHook = async (z, bundle) => {
    const hookId = bundle.subscribeData.id;
    const response = await z.request({ url: `${bundle.authData.api}/${hookId}`, method: "DELETE" });
    return response.data;
};

const getOrder = (z, bundle) => [bundle.cleanedRequest];

// The newest orders first, each as it is delivered.
const getFallbackRealOrder = async (z, bundle) => {
    const response = await z.request({
        url: new URL(`/topics/${encodeURIComponent(bundle.inputData.event)}`, bundle.authData.api).href,
        params: { before: "", items: "data", max: 3 },
    });
    return response.data;
};

// A trigger whose subscriptions give Zapier's URL in the member that is named.
const orderTrigger = (key, member) => ({
    key,
    noun: "Order",
    display: { label: `New Order (${member})`, description: "Triggers when a new order is created." },
    operation: {
        type: "hook",
        inputFields: [{ key: "event", type: "string", required: true, helpText: "Which orders." }],
        performSubscribe: async (z, bundle) => {
            const response = await z.request({
                url: bundle.authData.api,
                method: "POST",
                body: { [member]: bundle.targetUrl, event: bundle.inputData.event },
            });
            return response.data;
        },
        performUnsubscribe: unsubscribeHook,
        perform: getOrder,
        performList: getFallbackRealOrder,
        sample: { id: 1, total: 99 },
        outputFields: [{ key: "id", label: "ID" }, { key: "total", label: "Total" }],
    },
});

// The first is that of Zapier's documentation; integrations in use have the others as well.
export const spellings = { order: "url", order_hook_url: "hookUrl", order_target_url: "target_url" };

export const app = {
    version: "1.0.0",
    platformVersion: zapier.version,
    authentication: {
        type: "custom",
        test: { url: "{{bundle.authData.api}}" },
        fields: [
            { key: "api", label: "Address", required: true },
            { key: "access_token", label: "Token", required: true, type: "password" },
        ],
    },
    beforeRequest: [
        (request, z, bundle) => {
            request.headers.Authorization = `Bearer ${bundle.authData.access_token}`;
            return request;
        },
    ],
    triggers: Object.fromEntries(
        Object.entries(spellings).map(([key, member]) => [key, orderTrigger(key, member)])),
};
