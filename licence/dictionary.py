"""The preset dictionaries of text codes: common words, so that a code stays small. Bytes never change once released.

A new dictionary gets a new number. SHA-256 of each is pinned in docs/format.md §6 and in a test.
"""

# The commonest words stand last: deflate reaches the end of the dictionary with the shortest distances.
_FIRST = (
    "医疗机构名称首次签发换发补发男女不明住宿沐浴美容美发影剧院歌舞厅体育馆游泳展览馆商场书店候诊候车"
    "食品销售经营者餐饮服务经营者单位食堂网络经营中央厨房集体用餐配送"
    '["预包装食品销售","散装食品销售","热食类食品制售","冷食类食品制售","生食类食品制售","糕点类食品制售","自制饮品制售"]'
    "卫公证字〔202〕第-号妇幼保健院公安局交警支队交通警察支队车辆管理所派出所人口管理大队分局"
    "合伙企业个人独资企业农民专业合作社分支机构股份有限公司个体工商户"
    "卫生健康委员会卫生健康局行政审批局公安厅市场监督管理局"
    "科技发展实业贸易建筑工程物业管理文化传媒教育咨询餐饮管理食品超市酒店有限责任公司"
    "自治区自治州县镇乡村街道办事处社区室单元栋楼层幢弄巷大道路街号"
    "WESTERN KEDZIE PULASKI CICERO HALSTED ASHLAND MILWAUKEE MICHIGAN N S E W ST BLVD DR RD PL "
    "Tobacco Caterer's Liquor License Tavern Package Goods Consumption on Premises - Incidental Activity "
    "Regulated Motor Vehicle Services Wholesale Establishment Children's Services Facility "
    "Retail Food Establishment Limited Business License 1006 1010 1470 1475 1781 CORPORATION COMPANY , INC. LLC "
    ' AVE 1ST","CHICAGO","IL","606'
    'JZ990101["A1","A2","B1","B2","C1","C2","D","E"]null,null,true,false,'
    "示例省模拟市演示区（演示）示例市场监督管理局有限公司"
    '-01-01","2030-12-31","2029-06-30","2028-09-30","2027-","2026-","2025-","2024-","20'
    "ELR1119900000000DEF000046H00111990000DEF000038N00111990000DEF00002XN00111990000DEF000011Y001"
)

DICTIONARIES: dict[int, bytes] = {0: b"", 1: _FIRST.encode()}
