"""The official Python SDK against the sandbox, unmodified: `python python_sdk.py PATH/dingtalk-sandbox`.

Only `Config(protocol='http', endpoint=…)` says that this is not the real platform. The whole walk is made twice, with
the synchronous calls and with the asynchronous ones.
"""

import asyncio
import json
import re
import sys
import urllib.parse

from alibabacloud_dingtalk.contact_1_0 import models as contact
from alibabacloud_dingtalk.contact_1_0.client import Client as ContactClient
from alibabacloud_dingtalk.oauth2_1_0 import models as oauth2
from alibabacloud_dingtalk.oauth2_1_0.client import Client as OAuth2Client
from alibabacloud_dingtalk.todo_1_0 import models as todo
from alibabacloud_dingtalk.todo_1_0.client import Client as TodoClient
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException

import sandbox as demo

HEX = r"[0-9a-f]{32}"
UUID = r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}"


class Walk:
    def __init__(self, origin, loop):
        self.origin, self.loop, self.steps = origin, loop, 0
        config = Config(protocol="http", endpoint=origin.removeprefix("http://"))
        self.oauth2, self.contact, self.todo = (
            client(config) for client in (OAuth2Client, ContactClient, TodoClient)
        )

    def call(self, client, name, *arguments):
        """One call of the SDK, in the manner of this walk; gives the answer's body."""
        self.steps += 1
        arguments = (*arguments, RuntimeOptions())
        if self.loop is None:
            answer = getattr(client, f"{name}_with_options")(*arguments)
        else:
            coroutine = getattr(client, f"{name}_with_options_async")(*arguments)
            answer = self.loop.run_until_complete(coroutine)
        assert answer.status_code == 200, answer
        return answer.body

    def refused(self, status, code, message, client, name, *arguments):
        """The call fails, and the SDK shows exactly this."""
        try:
            body = self.call(client, name, *arguments)
        except TeaException as error:
            wanted = f"code: {status}, {re.escape(message)} request id: {UUID}"
            assert error.code == code, error
            assert re.fullmatch(wanted, error.message), (error.message, wanted)
            assert error.statusCode == status and error.data["code"] == code, error
            return error
        raise AssertionError(f"{name} was not refused: {body}")

    def whole(self):
        token = self.app_tokens()
        self.suite_tokens()
        user_token, union_id = self.person(token)
        self.address_book(token)
        self.to_dos(token, union_id)
        self.own_to_dos(token, user_token, union_id)
        self.page_ticket_and_sso(token)
        self.refusals(token, union_id)
        self.old_sdk(token)

    def app_token(self, client=demo.CLIENT, secret=demo.SECRET):
        request = oauth2.GetAccessTokenRequest(app_key=client, app_secret=secret)
        return self.call(self.oauth2, "get_access_token", request, {})

    def app_tokens(self):
        answer = self.app_token()
        assert re.fullmatch(HEX, answer.access_token) and answer.expire_in == 7200, answer
        again = self.app_token()
        assert again.access_token == answer.access_token, "an internal app keeps its token"
        request = oauth2.GetTokenRequest(
            client_id=demo.CLIENT, client_secret=demo.SECRET, grant_type="client_credentials"
        )
        by_corp = self.call(self.oauth2, "get_token", demo.CORP, request, {})
        assert re.fullmatch(HEX, by_corp.access_token) and by_corp.expires_in == 7200, by_corp
        return answer.access_token

    def suite_tokens(self):
        request = oauth2.GetCorpAccessTokenRequest(
            suite_key=demo.SUITE, suite_secret=demo.SUITE_SECRET,
            auth_corp_id=demo.CORP, suite_ticket=demo.SUITE_TICKET,
        )
        one = self.call(self.oauth2, "get_corp_access_token", request, {})
        two = self.call(self.oauth2, "get_corp_access_token", request, {})
        assert one.access_token != two.access_token and one.expire_in == 7200, one
        request.suite_ticket = "old"
        self.refused(400, "invalidSuiteTicket", "suiteTicket无效",
                     self.oauth2, "get_corp_access_token", request, {})
        request = oauth2.GetSuiteAccessTokenRequest(
            suite_key=demo.SUITE, suite_secret=demo.SUITE_SECRET, suite_ticket=demo.SUITE_TICKET
        )
        answer = self.call(self.oauth2, "get_suite_access_token", request, {})
        assert re.fullmatch(HEX, answer.access_token), answer

    def user_token(self, code):
        request = oauth2.GetUserTokenRequest(
            client_id=demo.CLIENT, client_secret=demo.SECRET, code=code, grant_type="authorization_code"
        )
        return self.call(self.oauth2, "get_user_token", request, {})

    def person(self, app_token):
        callback = demo.login(self.origin)
        assert callback["code"] == callback["authCode"] and callback["state"] == "s t&ä", callback
        refusal = demo.login(self.origin, decision="refuse")
        assert refusal == {"error": "access_denied", "state": "s t&ä"}, refusal
        first = self.user_token(callback["authCode"])
        assert first.corp_id == demo.CORP and first.expire_in == 7200, first
        without = self.user_token(demo.login(self.origin, scope="openid")["authCode"])
        assert without.corp_id is None, "the organization comes with the scope corpid only"
        if self.loop is None:
            # Remembered from then on, so that the second walk would see no dialog.
            outcome = demo.consent(self.origin, "Contact.User.Read", user="u-lin-xia")
            assert outcome["status"] == "ok", outcome
            consented = self.user_token(outcome["result"]["authCode"])
            assert consented.corp_id is None, consented
            headers = contact.GetUserHeaders(x_acs_dingtalk_access_token=consented.access_token)
            her = self.call(self.contact, "get_user", "me", headers)
            assert (her.nick, her.mobile) == ("林夏", None), "the phone number was not asked for"
        used = oauth2.GetUserTokenRequest(
            client_id=demo.CLIENT, client_secret=demo.SECRET,
            code=callback["authCode"], grant_type="authorization_code",
        )
        self.refused(400, "invalidParameter.authCode.notFound", "不合法的临时授权码",
                     self.oauth2, "get_user_token", used, {})
        again = oauth2.GetUserTokenRequest(
            client_id=demo.CLIENT, client_secret=demo.SECRET,
            refresh_token=first.refresh_token, grant_type="refresh_token",
        )
        fresh = self.call(self.oauth2, "get_user_token", again, {})
        assert fresh.access_token != first.access_token, fresh
        self.refused(400, "invalidParameter.authCode.notFound", "不合法的临时授权码",
                     self.oauth2, "get_user_token", again, {})

        headers = contact.GetUserHeaders(x_acs_dingtalk_access_token=fresh.access_token)
        me = self.call(self.contact, "get_user", "me", headers)
        assert (me.nick, me.mobile, me.state_code, me.visitor) == ("周棠", "13900000001", "86", False), me
        assert me.open_id and me.email == "zhou.tang@example.com" and me.avatar_url, me
        same = self.call(self.contact, "get_user", me.union_id, headers)
        assert same.nick == me.nick, same
        self.refused(404, "invalidParameter.user.notFound", "找不到该用户",
                     self.contact, "get_user", "nobodyUnionId", headers)
        headers = contact.GetUserHeaders(x_acs_dingtalk_access_token=app_token)
        self.refused(400, "InvalidAuthentication", "不合法的access_token",
                     self.contact, "get_user", "me", headers)

        headers = oauth2.GetPersonalAuthRuleHeaders(x_acs_dingtalk_access_token=fresh.access_token)
        rules = self.call(self.oauth2, "get_personal_auth_rule", headers)
        granted = {rule.resource: rule.auth_items for rule in rules.result}
        assert "Contact.User.Read" in granted["rpc_auth"] and granted["Contact.User"] == ["mobile"], granted
        return fresh.access_token, me.union_id

    def address_book(self, token):
        headers = contact.SearchUserHeaders(x_acs_dingtalk_access_token=token)
        request = contact.SearchUserRequest(query_word="周棠", offset=0, size=10)
        found = self.call(self.contact, "search_user", request, headers)
        assert (found.list, found.total_count, found.has_more) == (["manager01"], 1, False), found
        request = contact.SearchUserRequest(query_word="周", offset=0, size=10, full_match_field=1)
        found = self.call(self.contact, "search_user", request, headers)
        assert found.list == [] and found.total_count == 0, found
        headers = contact.SearchDepartmentHeaders(x_acs_dingtalk_access_token=token)
        request = contact.SearchDepartmentRequest(query_word="研发", offset=0, size=10)
        found = self.call(self.contact, "search_department", request, headers)
        assert found.list and all(isinstance(id, int) for id in found.list), found

    def to_dos(self, token, union_id):
        def header(name):
            return getattr(todo, f"{name}Headers")(x_acs_dingtalk_access_token=token)

        source = f"walk-{'sync' if self.loop is None else 'async'}"
        request = todo.CreateTodoTaskRequest(
            operator_id=union_id, source_id=source, subject="Say hello 你好", description="in words",
            due_time=1_900_000_000_000, creator_id=union_id, executor_ids=[union_id],
            participant_ids=[union_id], is_only_show_executor=True, priority=30,
            detail_url=todo.CreateTodoTaskRequestDetailUrl(
                app_url="https://app.example.com/t", pc_url="https://pc.example.com/t"
            ),
            content_field_list=[
                todo.CreateTodoTaskRequestContentFieldList(field_key="where", field_value="here")
            ],
            notify_configs=todo.CreateTodoTaskRequestNotifyConfigs(ding_notify="1"),
        )
        made = self.call(self.todo, "create_todo_task", union_id, request, header("CreateTodoTask"))
        assert made.id and made.subject == request.subject and made.done is False, made
        assert made.detail_url.pc_url == "https://pc.example.com/t" and made.priority == 30, made
        assert made.content_field_list[0].field_value == "here", made
        self.refused(400, "todo.taskCreate.paramError", f"task existed sourceId is {source}",
                     self.todo, "create_todo_task", union_id, request, header("CreateTodoTask"))

        read = self.call(self.todo, "get_todo_task", union_id, made.id, header("GetTodoTask"))
        assert (read.id, read.source_id, read.tenant_id) == (made.id, source, demo.CORP), read
        read = self.call(self.todo, "get_todo_task_by_source_id", union_id, source,
                         header("GetTodoTaskBySourceId"))
        assert read.id == made.id, read

        change = todo.UpdateTodoTaskRequest(operator_id=union_id, subject="Say goodbye", done=False)
        done = self.call(self.todo, "update_todo_task", union_id, made.id, change, header("UpdateTodoTask"))
        assert done.result is True, done
        listing = todo.QueryOrgTodoTasksRequest(is_done=False, role_types=[["executor"], ["creator"]])
        found = self.call(self.todo, "query_org_todo_tasks", union_id, listing, header("QueryOrgTodoTasks"))
        assert [card.subject for card in found.todo_cards if card.task_id == made.id] == ["Say goodbye"], found

        status = todo.UpdateTodoTaskExecutorStatusRequest(
            operator_id=union_id,
            executor_status_list=[
                todo.UpdateTodoTaskExecutorStatusRequestExecutorStatusList(id=union_id, is_done=True)
            ],
        )
        done = self.call(self.todo, "update_todo_task_executor_status", union_id, made.id, status,
                         header("UpdateTodoTaskExecutorStatus"))
        assert done.result is True, done
        read = self.call(self.todo, "get_todo_task", union_id, made.id, header("GetTodoTask"))
        assert read.done is True and read.subject == "Say goodbye", read

        remove = todo.DeleteTodoTaskRequest(operator_id=union_id)
        gone = self.call(self.todo, "delete_todo_task", union_id, made.id, remove, header("DeleteTodoTask"))
        assert gone.result is True and re.fullmatch(UUID, gone.request_id), gone
        self.refused(400, "todo.taskGet.paramError", "task not exist",
                     self.todo, "get_todo_task", union_id, made.id, header("GetTodoTask"))

    def own_to_dos(self, app_token, user_token, union_id):
        def header(name, token=user_token):
            return getattr(todo, f"{name}Headers")(x_acs_dingtalk_access_token=token)

        request = todo.CreatePersonalTodoTaskRequest(subject="Mine", executor_ids=[union_id])
        made = self.call(self.todo, "create_personal_todo_task", request, header("CreatePersonalTodoTask"))
        assert made.task_id and made.created_time > 0, made
        self.refused(400, "todo.taskCreate.tokenTypeError", "token type is not match",
                     self.todo, "create_personal_todo_task", request,
                     header("CreatePersonalTodoTask", app_token))
        change = todo.UpdatePersonalTodoTaskRequest(subject="Still mine")
        done = self.call(self.todo, "update_personal_todo_task", made.task_id, change,
                         header("UpdatePersonalTodoTask"))
        assert done.success is True, done
        self.call(self.todo, "delete_personal_todo_task", made.task_id, header("DeletePersonalTodoTask"))

    def page_ticket_and_sso(self, token):
        headers = oauth2.CreateJsapiTicketHeaders(x_acs_dingtalk_access_token=token)
        ticket = self.call(self.oauth2, "create_jsapi_ticket", headers)
        assert ticket.jsapi_ticket and 0 < ticket.expire_in <= 7200, ticket
        again = self.call(self.oauth2, "create_jsapi_ticket", headers)
        assert again.jsapi_ticket == ticket.jsapi_ticket, again
        request = oauth2.GetSsoAccessTokenRequest(corpid=demo.CORP, sso_secret=demo.SSO_SECRET)
        sso = self.call(self.oauth2, "get_sso_access_token", request, {})
        assert re.fullmatch(HEX, sso.access_token) and sso.expire_in == 3600, sso
        request.sso_secret = "wrong"
        self.refused(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret",
                     self.oauth2, "get_sso_access_token", request, {})
        headers = oauth2.GetSsoUserInfoHeaders(x_acs_dingtalk_access_token=sso.access_token)
        who = oauth2.GetSsoUserInfoRequest(code=demo.code(self.origin, "sso", demo.ADMIN))
        admin = self.call(self.oauth2, "get_sso_user_info", who, headers)
        assert (admin.user_id, admin.corp_id, admin.is_admin) == (demo.ADMIN, demo.CORP, True), admin
        self.refused(400, "invalidCode", "无效的授权码", self.oauth2, "get_sso_user_info",
                     oauth2.GetSsoUserInfoRequest(code="never-issued"), headers)

    def refusals(self, token, union_id):
        def access_token(key, secret):
            return (self.oauth2, "get_access_token",
                    oauth2.GetAccessTokenRequest(app_key=key, app_secret=secret), {})

        def search(token):
            return (self.contact, "search_user",
                    contact.SearchUserRequest(query_word="周", offset=0, size=10),
                    contact.SearchUserHeaders(x_acs_dingtalk_access_token=token))

        self.refused(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret",
                     *access_token(demo.CLIENT, "wrong"))
        self.refused(400, "MissingappSecret", "appSecret is mandatory for this action.",
                     *access_token(demo.CLIENT, None))
        self.refused(500, "unknownError", "未知错误", self.oauth2, "get_token", "dingnowhere",
                     oauth2.GetTokenRequest(client_id=demo.CLIENT, client_secret=demo.SECRET,
                                            grant_type="client_credentials"), {})
        self.refused(400, "InvalidAuthentication", "不合法的access_token", *search("0" * 32))
        self.refused(400, "AuthenticationFailed.MissingParameter",
                     "缺少参数：x-acs-dingtalk-access-token", *search(None))
        plain = self.app_token(demo.PLAIN, demo.PLAIN_SECRET).access_token
        error = self.refused(
            403, "Forbidden.AccessDenied.AccessTokenPermissionDenied",
            "没有调用该接口的权限，接口权限申请参考："
            "https://open.dingtalk.com/document/orgapp-server/add-api-permission", *search(plain))
        # The SDK's retry layer keeps the detail in the error inside and in the data, not on the error outside.
        wanted = {"requiredScopes": ["qyapi_addresslist_search"]}
        assert error.inner_exception.accessDeniedDetail == wanted, vars(error)
        assert error.data["accessdenieddetail"] == wanted, error.data
        request = contact.SearchUserRequest(offset=0, size=10)
        headers = contact.SearchUserHeaders(x_acs_dingtalk_access_token=token)
        self.refused(400, "MissingqueryWord", "queryWord is mandatory for this action.",
                     self.contact, "search_user", request, headers)
        headers = todo.CreateTodoTaskHeaders(x_acs_dingtalk_access_token=token)
        self.refused(400, "Missingsubject", "subject is mandatory for this action.",
                     self.todo, "create_todo_task", union_id, todo.CreateTodoTaskRequest(), headers)
        self.refused(400, "todo.taskCreate.paramError", "todo.taskCreate.paramError",
                     self.todo, "create_todo_task", "nobodyUnionId",
                     todo.CreateTodoTaskRequest(subject="x"), headers)

    def old_sdk(self, token):
        """The calls of the old families, which have no v1.0 client: plain HTTP, every scalar as text."""
        origin, self.steps = self.origin, self.steps + 12
        pair = urllib.parse.urlencode({"appkey": demo.CLIENT, "appsecret": demo.SECRET})
        status, _, text = demo.http(f"{origin}/gettoken?{pair}")
        answer = json.loads(text)
        assert (status, answer["errcode"], answer["access_token"]) == (200, 0, token), text
        status, _, text = demo.http(f"{origin}/gettoken?appkey=no&appsecret=no")
        assert (status, json.loads(text)["errcode"]) == (200, 40096), text

        user = demo.topapi(origin, "topapi/v2/user/get", token, userid=demo.ADMIN, language="zh_CN")
        result = user["result"]
        assert (user["errcode"], user["errmsg"]) == (0, "ok") and result["name"] == "周棠", user
        assert result["admin"] is True and 1 in result["dept_id_list"], user
        by_union = demo.topapi(origin, "topapi/user/getbyunionid", token, unionid=result["unionid"])
        assert by_union["result"]["userid"] == demo.ADMIN, by_union
        by_mobile = demo.topapi(origin, "topapi/v2/user/getbymobile", token, mobile="13900000001")
        assert by_mobile["result"]["userid"] == demo.ADMIN, by_mobile
        page = demo.topapi(origin, "topapi/v2/user/list", token, dept_id=1, cursor=0, size=2)
        assert len(page["result"]["list"]) == 2 and page["result"]["has_more"] is True, page
        departments = demo.topapi(origin, "topapi/v2/department/listsub", token, dept_id=1)
        assert len(departments["result"]) >= 3, departments

        unknown = demo.topapi(origin, "topapi/v2/user/get", token, userid="nobody")
        assert (unknown["errcode"], unknown["errmsg"]) == (60121, "找不到该用户"), unknown
        dead = demo.topapi(origin, "topapi/v2/user/get", "0" * 32, userid=demo.ADMIN)
        assert (dead["errcode"], dead["sub_code"]) == (88, "40014"), dead
        assert dead["errmsg"] == "ding talk error[subcode=40014,submsg=不合法的access_token]", dead
        blank = demo.topapi(origin, "topapi/v2/user/get", "", userid=demo.ADMIN)
        assert (blank["errcode"], blank["sub_code"]) == (88, "40000"), blank
        silent = demo.code(origin, "silent", demo.MEMBER)
        me = demo.topapi(origin, "topapi/v2/user/getuserinfo", token, code=silent)
        assert (me["errcode"], me["result"]["userid"]) == (0, demo.MEMBER), me
        used = demo.topapi(origin, "topapi/v2/user/getuserinfo", token, code=silent)
        assert used["errcode"] == 40078, used


def main():
    program = sys.argv[1]
    with demo.running(program) as origin:
        walk = Walk(origin, None)
        walk.whole()
        print(f"sync: {walk.steps} calls as expected")
        loop = asyncio.new_event_loop()
        walk = Walk(origin, loop)
        walk.whole()
        loop.close()
        print(f"async: {walk.steps} calls as expected")


if __name__ == "__main__":
    main()
